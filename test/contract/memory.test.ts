import { memoryHosts } from "../../lib/adapters/memory/hosts.ts";
import { memoryControl, memoryOddities } from "../../lib/adapters/memory/plumbing.ts";
import { memoryEndedRuns, memoryLedger, memoryResults, memorySpecs } from "../../lib/adapters/memory/records.ts";
import { memoryRuns } from "../../lib/adapters/memory/runs.ts";
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
