/**
 * What the service stores of a runner's texts. The agent keeps to it, so that no beat is refused because of them.
 *
 * Bytes in JSON of each of the two texts on the run item: the progress note and the reason. With them, the longest ids,
 * 200 charges and everything else that a held run may have, the item stays under 1 KB. So it is renewed for one write
 * unit.
 */
export const TEXT_BYTES = 128;

/** DynamoDB's numbers have magnitudes from 1E-130 to 9.99E+125, or are 0 (its "Naming rules and data types"). */
export const LEAST_MAGNITUDE = 1e-130;
export const MOST_MAGNITUDE = 1e125;

/** Whether a progress value can be stored as a number of DynamoDB. The furthest progress is stored as one. */
export const isStorable = (value: number): boolean =>
  value === 0 || (Math.abs(value) >= LEAST_MAGNITUDE && Math.abs(value) <= MOST_MAGNITUDE);
