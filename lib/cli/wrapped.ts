/** People copy the output into mails and tickets too, so it does not grow with the terminal. */
const WIDTH = 80;

/** The text in lines of at most 80 columns, the first after `head`, the others under its end. */
export function wrapped(head: string, text: string): string[] {
  const room = WIDTH - head.length;
  const lines: string[] = [];
  let rest = text;
  while (rest.length > room) {
    const space = rest.lastIndexOf(" ", room);
    const end = space > 0 ? space : room; // one long word is cut
    lines.push(rest.slice(0, end));
    rest = rest.slice(end).trimStart();
  }
  return [...lines, rest].map((line, index) => `${index === 0 ? head : " ".repeat(head.length)}${line}`.trimEnd());
}
