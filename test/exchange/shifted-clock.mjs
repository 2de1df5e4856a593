// Loaded into the processes of an instance (`node --import`): their clock is ahead by as many milliseconds as a file says, from one moment
// to the next.
import { readFileSync } from 'node:fs'

const LOOK_EVERY_MS = 20
const RealDate = Date
let ahead = 0
let lookedAt = 0

function now() {
  const time = RealDate.now()
  if (time - lookedAt >= LOOK_EVERY_MS) {
    lookedAt = time
    ahead = Number(readFileSync(process.env.PEC_TEST_AHEAD, 'utf8'))
  }
  return time + ahead
}

globalThis.Date = class extends RealDate {
  constructor(...parts) {
    if (parts.length === 0) super(now())
    else super(...parts)
  }

  static now() {
    return now()
  }
}
