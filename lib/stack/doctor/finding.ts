/** What a check found, and what to do about it, each in one sentence. */
export type Finding =
  | { readonly state: "ok"; readonly check: string; readonly says: string }
  | { readonly state: "warning" | "problem"; readonly check: string; readonly says: string; readonly fix: string };

export const ok = (check: string, says: string): Finding => ({ state: "ok", check, says });
export const warning = (check: string, says: string, fix: string): Finding => ({ state: "warning", check, says, fix });
export const problem = (check: string, says: string, fix: string): Finding => ({ state: "problem", check, says, fix });
