import type { Command, LocalCommand } from "../command.ts";
import { completionScript } from "../completion.ts";

/** `commands`: all of them, this one too. */
export const completion = (commands: () => ReadonlyMap<string, Command>): LocalCommand => ({
  usage: `  lastbeat completion bash|zsh|fish
      what makes a shell complete all this
`,
  help: `lastbeat completion bash|zsh|fish

Prints the completion of a shell, for its startup file:

  bash   eval "$(lastbeat completion bash)"
  zsh    source <(lastbeat completion zsh)        after compinit
  fish   lastbeat completion fish | source
`,
  options: {},
  takes: ["bash|zsh|fish"],
  answer: async ([shell = ""]) => ({ json: {}, text: completionScript(shell, commands()) }),
});
