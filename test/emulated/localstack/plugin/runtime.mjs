/**
 * Runs the handler of a Lambda in this process. Each line of the standard input is an invocation; its reply follows a
 * record separator. Ends with its standard input.
 */
import { join } from "node:path";
import { createInterface } from "node:readline";
import { pathToFileURL } from "node:url";

const { LAMBDA_TASK_ROOT, _HANDLER, AWS_LAMBDA_FUNCTION_NAME, AWS_LAMBDA_FUNCTION_VERSION, ...settings } = process.env;
const [file, name] = _HANDLER.split(".");

/** The first invocation waits for it, and is told when the module cannot be loaded. */
const loading = import(pathToFileURL(join(LAMBDA_TASK_ROOT, `${file}.mjs`)).href).then((module) => module[name]);
loading.catch(() => {});

async function replyTo({ "invoke-id": awsRequestId, "invoked-function-arn": invokedFunctionArn, payload }) {
  const until = Date.now() + Number(settings.AWS_LAMBDA_FUNCTION_TIMEOUT) * 1000;
  const context = {
    awsRequestId,
    invokedFunctionArn,
    functionName: AWS_LAMBDA_FUNCTION_NAME,
    functionVersion: AWS_LAMBDA_FUNCTION_VERSION,
    memoryLimitInMB: settings.AWS_LAMBDA_FUNCTION_MEMORY_SIZE,
    logGroupName: settings.AWS_LAMBDA_LOG_GROUP_NAME,
    logStreamName: settings.AWS_LAMBDA_LOG_STREAM_NAME,
    getRemainingTimeInMillis: () => until - Date.now(),
  };
  try {
    const handler = await loading;
    return { failed: false, body: JSON.stringify((await handler(JSON.parse(payload), context)) ?? null) };
  } catch (error) {
    const { name: errorType, message: errorMessage, stack = "" } = error;
    return { failed: true, body: JSON.stringify({ errorType, errorMessage, trace: stack.split("\n") }) };
  }
}

for await (const line of createInterface({ input: process.stdin }))
  process.stdout.write(`\x1e${JSON.stringify(await replyTo(JSON.parse(line)))}\n`);
process.exit();
