import { memoryHosts } from "../../lib/memory/hosts.ts";
import { memoryControl, memoryOddities } from "../../lib/memory/plumbing.ts";
import { memoryEndedRuns, memoryLedger, memoryResults, memorySpecs } from "../../lib/memory/records.ts";
import { memoryRuns } from "../../lib/memory/runs.ts";
import { describePorts } from "./ports.ts";

describePorts("memory", {
  runs: async () => memoryRuns(),
  specs: async () => memorySpecs(),
  ledger: async () => memoryLedger(),
  results: async () => memoryResults(),
  endedRuns: async () => memoryEndedRuns(),
  hosts: async () => memoryHosts(),
  control: async () => memoryControl(),
  oddities: async () => {
    const oddities = memoryOddities();
    return { ...oddities, seen: async () => [...oddities.kept].map(([text, why]) => ({ text, why })) };
  },
});
