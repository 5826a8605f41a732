import {
  DeleteMessageCommand,
  GetQueueUrlCommand,
  ReceiveMessageCommand,
  SendMessageCommand,
  type SQSClient,
} from "@aws-sdk/client-sqs";

type Input = { readonly SourceArn: string; readonly DestinationArn: string };

/** What SQS does when it is asked to move messages, and the emulator is not able to: all of them, with their attributes. */
export async function moveMessages(sqs: SQSClient, input: unknown): Promise<{ readonly TaskHandle: string }> {
  const { SourceArn, DestinationArn } = input as Input;
  const urlOf = async (arn: string): Promise<string | undefined> =>
    (await sqs.send(new GetQueueUrlCommand({ QueueName: arn.split(":").at(-1) }))).QueueUrl;
  const [from, to] = [await urlOf(SourceArn), await urlOf(DestinationArn)];
  for (;;) {
    const { Messages = [] } = await sqs.send(
      new ReceiveMessageCommand({ QueueUrl: from, MaxNumberOfMessages: 10, MessageAttributeNames: ["All"] }),
    );
    if (Messages.length === 0) return { TaskHandle: "played" };
    for (const { Body, ReceiptHandle, MessageAttributes } of Messages) {
      await sqs.send(new SendMessageCommand({ QueueUrl: to, MessageBody: Body, MessageAttributes }));
      await sqs.send(new DeleteMessageCommand({ QueueUrl: from, ReceiptHandle }));
    }
  }
}
