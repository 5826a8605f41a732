/** What several commands take, and how their pages describe it. */
export const TEXT = { type: "string" } as const;
export const SWITCH = { type: "boolean" } as const;
/** The options of a command that asks the API. */
export const ASKING = { url: TEXT, stack: TEXT, json: SWITCH } as const;

export const JSON_LINE = `  --json               the answer as JSON, for programs
`;

export const STACK_LINE = `  --stack NAME         the CloudFormation stack of the deployment (LASTBEAT_STACK), in the
                       region and with the credentials that the AWS CLI would take
`;

export const URL_LINE = `  --url URL            where the API is (LASTBEAT_URL; default http://127.0.0.1:8787).
                       Calls to elsewhere than this machine are signed with your AWS
                       credentials, if there are any (LASTBEAT_SIGN=always|never);
                       plain http beyond it gets a warning (LASTBEAT_INSECURE=1: none)
  --stack NAME         the CloudFormation stack to ask instead (LASTBEAT_STACK). Of all
                       four --url counts first, then --stack, then LASTBEAT_URL
`;

export const ASKING_LINES = `${JSON_LINE}${URL_LINE}`;

export const EXITS = `
Exit codes: 0 done; 1 refused, or nobody answered (stderr says why); 2 not understood.
`;
