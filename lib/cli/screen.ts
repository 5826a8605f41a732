import type { WriteStream } from "node:tty";

/**
 * The alternate screen, without a cursor and without automatic line breaks, so that a row that is too long stays one
 * row.
 */
const ENTER = "\x1b[?1049h\x1b[?25l\x1b[?7l\x1b[2J";
const LEAVE = "\x1b[?7h\x1b[?25h\x1b[?1049l";

/**
 * A terminal that does not know its size (a recorder, a new serial line) says 0. Then the size is the classic 80 by 24.
 */
export const widthOf = ({ columns }: WriteStream): number => columns || 80;
export const heightOf = ({ rows }: WriteStream): number => rows || 24;

export type Screen = { draw(lines: readonly string[]): void; close(): void };

/** Takes over a terminal until `close`. If the process ends before that, the terminal is restored all the same. */
export function openScreen(terminal: WriteStream, redraw: () => void): Screen {
  const enter = (): void => void terminal.write(ENTER);
  const leave = (): void => void terminal.write(LEAVE);
  /** Ctrl-Z: meanwhile the shell gets its own screen back. */
  const pause = (): void => {
    leave();
    process.kill(process.pid, "SIGSTOP");
  };
  const goOn = (): void => {
    enter();
    redraw();
  };
  enter();
  process.on("exit", leave).on("SIGTSTP", pause).on("SIGCONT", goOn);
  terminal.on("resize", redraw);
  return {
    draw: (lines) => {
      const shown = lines.slice(0, heightOf(terminal));
      terminal.write(`\x1b[H${shown.map((line) => `${line}\x1b[K`).join("\r\n")}\x1b[J`);
    },
    close: () => {
      process.off("exit", leave).off("SIGTSTP", pause).off("SIGCONT", goOn);
      terminal.off("resize", redraw);
      leave();
    },
  };
}
