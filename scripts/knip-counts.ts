import type { Reporter } from "knip";

/** Says how many files knip looked at: it is content with none. The default export is what knip loads. */
const counts: Reporter = ({ counters }) => console.log(`${counters.processed} files in use`);

export default counts;
