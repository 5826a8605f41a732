import type { Instant, Span } from "../core/time.ts";

/** What a webhook answers. `retryAfter`: for how long it asks to be left alone. */
export type WebhookAnswer = { readonly status: number; readonly retryAfter?: Span };

/** An address of the settings that starts attempts. */
export type Webhook = {
  readonly name: string;
  readonly url: string;
  /**
   * Sends one event, signed. `id` is the same, however often the event is sent. Throws a `Forbidden` if its address may
   * not be called, and an `Error` if there is no answer in time.
   */
  post(id: string, body: string): Promise<WebhookAnswer>;
};

/** The name of the webhook leads to an address that nobody outside may be led to, such as a private one. */
export class Forbidden extends Error {}

/** The addresses that have said that they are gone. */
export type GoneAddresses = {
  add(url: string, until: Instant): Promise<void>;
  has(url: string, now: Instant): Promise<boolean>;
};
