/** One line of the table: what was found, and what it is compared with. */
export type Figure = {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The bound that we have promised, at most or at least. A figure beyond it fails the bench. */
  readonly atMost?: number;
  readonly atLeast?: number;
  /** What no design can go below, and why; or what others take. */
  readonly beside?: string;
};

/** A number with as many digits as are meaningful. */
const short = (value: number): string =>
  Number.isInteger(value)
    ? String(value)
    : value >= 100
      ? value.toFixed(0)
      : String(Number(value.toPrecision(value < 1 ? 4 : 3)));

export const isKept = ({
  value,
  atMost = Number.POSITIVE_INFINITY,
  atLeast = Number.NEGATIVE_INFINITY,
}: Figure): boolean => value <= atMost && value >= atLeast;

const promised = ({ atMost, atLeast }: Figure): string =>
  atMost !== undefined ? `<= ${short(atMost)}` : atLeast !== undefined ? `>= ${short(atLeast)}` : "";

/** The figures as a table in Markdown. */
export const table = (figures: readonly Figure[]): string =>
  [
    "| figure | value | promised | for comparison |",
    "| --- | ---: | ---: | --- |",
    ...figures.map((figure) => {
      const { name, value, unit, beside = "" } = figure;
      return `| ${name} | ${short(value)} ${unit}${isKept(figure) ? "" : " **missed**"} | ${promised(figure)} | ${beside} |`;
    }),
  ].join("\n");

/** The value below which that share of the numbers lies. */
export function quantile(numbers: readonly number[], share: number): number {
  const sorted = numbers.toSorted((one, other) => one - other);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
