import type { Command, LocalCommand } from "../command.ts";
import { completionScript } from "../completion.ts";

/** `commands`: all commands, including this one. */
export const completion = (commands: () => ReadonlyMap<string, Command>): LocalCommand => ({
  usage: `  lastbeat completion bash|zsh|fish
      print the completions for a shell
`,
  help: `lastbeat completion bash|zsh|fish

Prints the completions for a shell. Put this line into the shell's startup file:

  bash   eval "$(lastbeat completion bash)"
  zsh    source <(lastbeat completion zsh)        after compinit
  fish   lastbeat completion fish | source
`,
  options: {},
  takes: ["bash|zsh|fish"],
  answer: async ([shell = ""]) => ({ json: {}, text: completionScript(shell, commands()) }),
});
