/** Who signs the tokens of a cluster, and for whom they have to be. */
export type Issuer = { readonly issuer: string; readonly audience: readonly string[] };

/** The issuers of the tokens that runners send besides; none where they send none. */
export const issuersOf = ({ jwt }: { readonly jwt?: Issuer | readonly Issuer[] }): readonly Issuer[] =>
  jwt === undefined ? [] : "issuer" in jwt ? [jwt] : jwt;
