"""Signatures of owners' calls (AWS Signature Version 4), by botocore if it is installed."""

from __future__ import annotations

import re
from typing import Any, Dict, Optional
from urllib.parse import urlsplit

from .errors import LastbeatError
from .transport import Request

# The host names of API Gateway. The name of a private API also has the id of its endpoint.
_GATEWAY = re.compile(r"\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?$")


class Signer:
    """Signs with the credentials that boto3 would use."""

    def __init__(self, region: Optional[str] = None) -> None:
        self._region = region
        self._session: Any = None

    def sign(self, request: Request) -> Dict[str, str]:
        """The headers to send. Raises a LastbeatError that says what is missing."""
        try:
            import botocore.auth
            import botocore.awsrequest
            import botocore.session
        except ImportError as error:
            raise LastbeatError(
                "an owner's call to AWS has to be signed, and that needs botocore: pip install 'lastbeat[sqs]', "
                "or Client(..., sign=False) for a server that asks for no signature"
            ) from error
        if self._session is None:
            self._session = botocore.session.Session()
        credentials = self._session.get_credentials()
        if credentials is None:
            raise LastbeatError("there are no AWS credentials to sign with: set AWS_PROFILE, or AWS_ACCESS_KEY_ID")
        found = _GATEWAY.search(urlsplit(request.url).hostname or "")
        region = self._region or (found.group(1) if found else None) or self._session.get_config_variable("region")
        if region is None:
            raise LastbeatError("no region is known for the signature: Client(..., region=...) or AWS_REGION")
        unsigned = botocore.awsrequest.AWSRequest(
            request.method, request.url, headers=dict(request.headers), data=request.body
        )
        botocore.auth.SigV4Auth(credentials.get_frozen_credentials(), "execute-api", region).add_auth(unsigned)
        return dict(unsigned.headers.items())
