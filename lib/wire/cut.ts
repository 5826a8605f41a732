/** The longest beginning of the text, in whole characters, that takes at most `most` bytes in JSON. */
export function cut(text: string, most: number): string {
  let kept = "";
  let bytes = 0;
  for (const character of text) {
    bytes += new TextEncoder().encode(JSON.stringify(character)).length - '""'.length;
    if (bytes > most) break;
    kept += character;
  }
  return kept;
}
