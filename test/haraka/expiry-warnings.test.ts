import assert from 'node:assert/strict'
import { test } from 'node:test'
import { warn } from '../../src/haraka/expiry-warnings.js'
import { derOf, makeProvider } from '../smime/fixtures.js'
import type { Logger } from '../../src/haraka/types.js'

function recordingLog(): { readonly log: Logger; readonly lines: readonly string[] } {
  const lines: string[] = []
  const at = (level: string) => (line: unknown) => void lines.push(`${level} ${String(line)}`)
  const log = {
    ...{ loginfo: at('info'), lognotice: at('notice'), logwarn: at('warn') },
    logerror: at('error'),
    logcrit: at('crit'),
  }
  return { log, lines }
}

test('a certificate is warned of from so many days before its end, and is an alarm after it', async () => {
  const { provider } = await makeProvider({ from: new Date('2026-01-01T00:00:00Z'), days: 100 })
  const signing = { what: 'signing certificate', read: () => derOf(provider) }
  const cases: readonly [string, RegExp | undefined][] = [
    ['2026-03-11T00:00:00Z', undefined],
    ['2026-03-12T12:00:00Z', /^warn our signing certificate expires in 29 days, at 2026-04-11/],
    ['2026-04-10T12:00:00Z', /^warn our signing certificate expires in 0 days/],
    ['2026-04-12T00:00:00Z', /^crit our signing certificate expired at 2026-04-11.*: put a new one in its place/],
  ]
  for (const [now, line] of cases) {
    const { log, lines } = recordingLog()
    await warn(signing, 30, log, new Date(now))
    if (line === undefined) assert.deepEqual(lines, [])
    else assert.match(lines.join('\n'), line)
  }
})

test('a certificate that cannot be read is told of', async () => {
  const { log, lines } = recordingLog()
  await warn({ what: 'TLS certificate', read: () => Promise.reject(new Error('gone')) }, 30, log, new Date())
  assert.deepEqual(lines, ['warn our TLS certificate cannot be looked at: gone'])
})
