/**
 * An address without slashes at its end, to which a path is added. It is a loop, because `/\/+$/` is quadratic and a
 * server chooses the text.
 */
export function baseOf(url: string): string {
  let end = url.length;
  while (end > 0 && url[end - 1] === "/") end -= 1;
  return url.slice(0, end);
}

/** Whether a text is an http or https address. */
export const isAddress = (url: string): boolean => URL.canParse(url) && /^https?:/i.test(url);
