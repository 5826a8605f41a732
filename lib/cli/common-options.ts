/** Options that several commands share, and how the help pages describe them. */
export const TEXT = { type: "string" } as const;
export const SWITCH = { type: "boolean" } as const;
/** The options of a command that calls the API. */
export const ASKING = { url: TEXT, stack: TEXT, json: SWITCH } as const;

export const JSON_LINE = `  --json               the answer as JSON, for programs
`;

export const STACK_LINE = `  --stack NAME         the CloudFormation stack of the deployment (LASTBEAT_STACK), with
                       the region and the credentials that the AWS CLI would use
`;

export const URL_LINE = `  --url URL            the address of the API (LASTBEAT_URL; default
                       http://127.0.0.1:8787). Calls to another machine are signed
                       with your AWS credentials, if there are any
                       (LASTBEAT_SIGN=always|never). Calls to another machine by plain
                       http print a warning (LASTBEAT_INSECURE=1: no warning)
  --stack NAME         call the API of this CloudFormation stack (LASTBEAT_STACK). --url
                       counts first, then --stack, then LASTBEAT_URL
`;

export const ASKING_LINES = `${JSON_LINE}${URL_LINE}`;

export const EXITS = `
Exit codes: 0 done; 1 refused, or no answer (stderr says why); 2 wrong usage.
`;
