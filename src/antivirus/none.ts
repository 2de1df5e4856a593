/** No antivirus: for trial instances. What it lets through, nobody has looked at. */
import type { Antivirus } from '../points/ports.js'

/** Said at each start. */
export const UNSCANNED =
  'WARNING: [antivirus] engine is none: messages are NOT scanned for viruses. For trials only (RFC 6109 §5.4)'

export const noAntivirus: Antivirus = { scan: () => Promise.resolve({ verdict: 'clean' }) }
