/** As many whole characters of the text as take so many bytes in JSON. */
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
