import { after, type Instant, seconds } from "../../core/time.ts";
import { digest } from "../../digest.ts";
import { Busy, Refused, type Starter } from "../../ports/dispatch.ts";
import { Forbidden, type GoneAddresses, type Webhook, type WebhookAnswer } from "../../ports/webhooks.ts";

const GONE = 410;
/** The event itself is refused. Any other refusal may pass: a receiver is deployed, or its secret is changed. */
const NOT_VALID: ReadonlySet<number> = new Set([400, 413, 422]);

/**
 * An address that has said that it is gone gets no event for this time. It is short, because nobody has to turn it on
 * again, and because each event that is refused meanwhile costs its attempt the start.
 */
const LEFT_ALONE = seconds(600);

/** Starts attempts by telling an address about them. What becomes of an event that it has taken, nobody here can see. */
export function webhookStarter(webhook: Webhook, gone: GoneAddresses, now: () => Instant): Starter {
  const { name, url } = webhook;
  const refused = (why: string): Refused => new Refused(`the webhook ${name} ${why}`, { isOwn: false });

  /** Each announcement of an attempt has an id of its own, and the same one however often it is sent. */
  const post = async (message: string): Promise<WebhookAnswer> => {
    try {
      return await webhook.post(digest(message), message);
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      if (error instanceof Forbidden) throw refused(why);
      throw new Busy(`the webhook ${name} cannot be called: ${why}`);
    }
  };

  return {
    isEndAwaited: false,
    isGated: true,
    isSeen: false,
    look: async () => ({ before: "gone", next: "none" }),
    fence: async () => {},
    withdraw: async () => {},
    nudge: async ({ message }) => {
      if (await gone.has(url, now()))
        throw refused("has said that it is gone (410): ten minutes after that it is asked again");
      const { status, retryAfter } = await post(message);
      if (status >= 200 && status < 300) return;
      if (status === GONE) {
        await gone.add(url, after(now(), LEFT_ALONE));
        throw refused(
          "says that it is gone (410), and gets no event for ten minutes: mend it, or take it out of the settings",
        );
      }
      if (status >= 300 && status < 400) throw refused(`answers ${status}: nobody follows it to another address`);
      if (NOT_VALID.has(status)) throw refused(`answers ${status}: it does not take this event`);
      throw new Busy(`the webhook ${name} answers ${status}`, retryAfter);
    },
  };
}
