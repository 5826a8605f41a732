"""What LocalStack lacks on a machine without Docker: a server on 127.0.0.1 alone, a DynamoDB Local that somebody else has
started, and Lambdas that are processes of Node. See ../localstack.ts, which starts it so."""

import json
import os
import subprocess
import threading
from pathlib import Path

from localstack import config
from localstack.runtime.server.core import RuntimeServerPlugin
from localstack.runtime.server.twisted import TwistedRuntimeServer
from localstack.services.dynamodb.server import DynamodbServer
from localstack.services.lambda_.invocation.lambda_models import InvocationResult
from localstack.services.lambda_.invocation.plugins import RuntimeExecutorPlugin
from localstack.services.lambda_.invocation.runtime_executor import RuntimeExecutor
from rolo.serving.twisted import TwistedGateway
from twisted.internet import endpoints, reactor

RUNTIME = Path(__file__).with_name("runtime.mjs")


class LoopbackServer(TwistedRuntimeServer):
    """LocalStack's own ignores the host of GATEWAY_LISTEN and listens on every interface."""

    def register(self, gateway, listen, ssl_creds=None):
        for each in listen:
            endpoints.TCP4ServerEndpoint(reactor, each.port, interface="127.0.0.1").listen(TwistedGateway(gateway))


class LoopbackServerPlugin(RuntimeServerPlugin):
    name = "loopback"

    def load(self, *args, **kwargs):
        # LocalStack would install a Java of its own, and start a DynamoDB Local that listens on every interface. The one at
        # DYNAMODB_LOCAL_PORT was started by whoever has started us.
        DynamodbServer.start_dynamodb = lambda self: True
        DynamodbServer.stop_dynamodb = lambda self: None
        return LoopbackServer()


class NodeExecutor(RuntimeExecutor):
    """One execution environment: a process of Node, which gets invocations by its standard input, one at a time."""

    process: subprocess.Popen

    def start(self, env_vars):
        version = self.function_version.config
        self.timeout = version.timeout
        self.environment = {
            **{name: str(value) for name, value in env_vars.items()},
            "PATH": os.environ["PATH"],
            "LAMBDA_TASK_ROOT": str(version.code.get_unzipped_code_location()),
            "AWS_ENDPOINT_URL": os.environ["LASTBEAT_LAMBDA_ENDPOINT"],
        }
        self._spawn()

    def _spawn(self):
        self.process = subprocess.Popen(
            ["node", str(RUNTIME)],
            env=self.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def stop(self):
        self.process.kill()
        self.process.wait()

    def invoke(self, payload):
        if self.process.poll() is not None:
            self._spawn()  # as Lambda does after a crash
        timed_out = threading.Event()

        def end():
            timed_out.set()
            self.process.kill()

        timer = threading.Timer(self.timeout, end)
        timer.start()
        try:
            logs, reply = self._exchange(payload)
        finally:
            timer.cancel()
        if reply is None:
            self.process.wait()
            kind = "Sandbox.Timedout" if timed_out.is_set() else "Runtime.ExitError"
            said = f"Task timed out after {self.timeout}.00 seconds" if timed_out.is_set() else "Runtime exited"
            reply = {"failed": True, "body": json.dumps({"errorType": kind, "errorMessage": said})}
        return InvocationResult(payload["invoke-id"], reply["body"].encode(), reply["failed"], logs)

    def _exchange(self, payload):
        """What the handler has written, and its reply; no reply when the process has ended before."""
        try:
            self.process.stdin.write(json.dumps(payload) + "\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # it ended just now; its last words are still to be read
        logs = []
        for line in self.process.stdout:
            log, is_reply, reply = line.partition("\x1e")
            logs.append(log)
            if is_reply:
                return "".join(logs), json.loads(reply)
        return "".join(logs), None

    def get_address(self):
        return "127.0.0.1"

    def get_endpoint_from_executor(self):
        return "127.0.0.1"

    def get_runtime_endpoint(self):
        return f"http://127.0.0.1:{config.GATEWAY_LISTEN[0].port}"

    def get_logs(self):
        return ""

    @classmethod
    def prepare_version(cls, function_version):
        function_version.config.code.prepare_for_execution()

    @classmethod
    def cleanup_version(cls, function_version):
        pass


class NodeExecutorPlugin(RuntimeExecutorPlugin):
    name = "node"

    def load(self, *args, **kwargs):
        return NodeExecutor
