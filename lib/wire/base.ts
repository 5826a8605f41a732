/** An address without the slashes at its end, to which a path is added. A loop: `/\/+$/` is quadratic in a server's own text. */
export function baseOf(url: string): string {
  let end = url.length;
  while (end > 0 && url[end - 1] === "/") end -= 1;
  return url.slice(0, end);
}
