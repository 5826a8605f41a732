import fc from "fast-check";

/** Any text, control characters and half a surrogate pair among it. */
export const text = fc.oneof(
  fc.string({ unit: "binary" }),
  fc.string({ unit: "grapheme" }),
  fc.string({ unit: fc.nat({ max: 0xffff }).map((half) => String.fromCharCode(half)) }),
);

/** A text with something taken out, put in, doubled or changed. */
export const broken = (whole: string): fc.Arbitrary<string> =>
  fc
    .record({ at: fc.nat({ max: whole.length }), gone: fc.nat({ max: 3 }), put: fc.string({ maxLength: 3 }) })
    .map(({ at, gone, put }) => whole.slice(0, at) + put + whole.slice(at + gone));
