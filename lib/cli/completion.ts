import { allOptions, type Command } from "./command.ts";
import { UsageError } from "./errors.ts";
import { shellQuoted } from "./shell-quoted.ts";

type Option = {
  readonly name: string;
  readonly says: string;
  readonly isMany: boolean;
  /** The name of its value in the help; undefined for an option without a value. */
  readonly value: string | undefined;
};

type Completed = {
  readonly name: string;
  readonly says: string;
  readonly options: readonly Option[];
  /** The choices for a word that is not an option, if the help lists them as `spot|rebalance`. */
  readonly words: readonly string[];
};

const choices = (value: string): readonly string[] => (/^[\w-]+(\|[\w-]+)+$/.test(value) ? value.split("|") : []);

/** The line of the help that describes an option: `  --lease SECONDS   silence after which ...`. */
const lineOf = (help: string, name: string): RegExpExecArray | null =>
  new RegExp(`^ {2}(?:-\\w, )?--${name}(?: (\\S+))?(?: {2,}(\\S.*))?$`, "m").exec(help);

/** The commands, with the texts of their help pages, so that nothing is written twice. */
function read(commands: ReadonlyMap<string, Command>): Completed[] {
  return [...commands].map(([name, { usage, help, options }]) => {
    const synopsis = help.slice(0, help.indexOf("\n"));
    const [, says = ""] = /^ {6}(\S.*)$/m.exec(usage) ?? [];
    return {
      name,
      says,
      words: synopsis.split(" ").flatMap(choices),
      options: Object.entries(allOptions(options)).map(([option, { type, multiple = false }]) => {
        const [, value = "VALUE", text = option === "help" ? "show the help page" : ""] = lineOf(help, option) ?? [];
        return { name: option, says: text, isMany: multiple, value: type === "boolean" ? undefined : value };
      }),
    };
  });
}

const isPath = (value: string): boolean => value === "FILE" || value === "DIR";

function bash(commands: readonly Completed[]): string {
  const values = commands.flatMap(({ name, options }) =>
    options.flatMap((option) => {
      if (option.value === undefined) return [];
      const proposed = choices(option.value);
      // Without proposals, the fallback below proposes files.
      return [
        `    '${name} --${option.name}') COMPREPLY=($(compgen -W '${proposed.join(" ")}' -- "$word")); return ;;`,
      ];
    }),
  );
  const words = commands.map(
    ({ name, options, words }) =>
      `    ${name}) COMPREPLY=($(compgen -W '${[...words, ...options.map((option) => `--${option.name}`)].join(" ")}' -- "$word")) ;;`,
  );
  return `# eval "$(lastbeat completion bash)"
_lastbeat() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]} i
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then
    COMPREPLY=($(compgen -W '${[...commands.map(({ name }) => name), "help", "--help", "--version"].join(" ")}' -- "$word"))
    return
  fi
  if [[ $command == exec ]]; then
    for ((i = 2; i < COMP_CWORD; i++)); do
      [[ \${COMP_WORDS[i]} == -- ]] || continue
      ((i == COMP_CWORD - 1)) && COMPREPLY=($(compgen -c -- "$word"))
      return
    done
  fi
  case "$command $before" in
${values.join("\n")}
  esac
  case $command in
${words.join("\n")}
    help) COMPREPLY=($(compgen -W '${commands.map(({ name }) => name).join(" ")}' -- "$word")) ;;
  esac
}
complete -o bashdefault -o default -F _lastbeat lastbeat bin.mjs
`;
}

/** Characters that end a part in a specification of zsh. */
const plain = (text: string): string => text.replace(/[[\]:\\]/g, String.raw`\$&`);

function zsh(commands: readonly Completed[]): string {
  const argument = ({ name, says, value, isMany }: Option): string => {
    const proposed = value === undefined ? [] : choices(value);
    const action = proposed.length > 0 ? `(${proposed.join(" ")})` : isPath(value ?? "") ? "_files" : " ";
    const of = value === undefined ? "" : `:${plain(value)}:${action}`;
    return shellQuoted(`${isMany ? "*" : ""}--${name}${says === "" ? "" : `[${plain(says)}]`}${of}`);
  };
  const cases = commands.map(({ name, options, words }) => {
    const rest = name === "exec" ? "'*:: :_normal'" : `'1: :(${words.join(" ")})'`;
    return `    ${name}) _arguments ${[...options.map(argument), rest].join(" ")} ;;`;
  });
  return `#compdef lastbeat
# source <(lastbeat completion zsh), or save it as _lastbeat in a folder of $fpath
_lastbeat() {
  if ((CURRENT == 2)); then
    local -a commands=(${commands.map(({ name, says }) => shellQuoted(`${name}:${plain(says)}`)).join(" ")})
    _describe -t commands command commands
    return
  fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
${cases.join("\n")}
  esac
}
if [[ $zsh_eval_context[-1] == loadautofunc ]]; then _lastbeat "$@"; else compdef _lastbeat lastbeat; fi
`;
}

function fish(commands: readonly Completed[]): string {
  const quoted = (text: string): string => `'${text.replace(/[\\']/g, String.raw`\$&`)}'`;
  const lines = commands.flatMap(({ name, says, options, words }) => {
    const within = `complete -c lastbeat -n '__fish_seen_subcommand_from ${name}'`;
    return [
      `complete -c lastbeat -n __fish_use_subcommand -a ${name} -d ${quoted(says)}`,
      ...words.map((word) => `${within} -a ${word}`),
      ...options.map((option) => {
        const proposed = option.value === undefined ? [] : choices(option.value);
        const takes =
          proposed.length > 0
            ? ` -x -a ${quoted(proposed.join(" "))}`
            : option.value === undefined
              ? ""
              : isPath(option.value)
                ? " -r -F"
                : " -x";
        return `${within} -l ${option.name}${takes}${option.says === "" ? "" : ` -d ${quoted(option.says)}`}`;
      }),
    ];
  });
  return `# lastbeat completion fish | source
complete -c lastbeat -f
${lines.join("\n")}
complete -c lastbeat -n '__fish_seen_subcommand_from exec; and contains -- -- (commandline -opc)' -x -a '(__fish_complete_command)'
`;
}

const SHELLS: ReadonlyMap<string, (commands: readonly Completed[]) => string> = new Map(
  Object.entries({ bash, zsh, fish }),
);

/** The completions for a shell, made from the list of commands. */
export function completionScript(shell: string, commands: ReadonlyMap<string, Command>): string {
  const script = SHELLS.get(shell);
  if (script === undefined)
    throw new UsageError(`lastbeat completion takes ${[...SHELLS.keys()].join(", ")}; not "${shell}"`);
  return script(read(commands));
}
