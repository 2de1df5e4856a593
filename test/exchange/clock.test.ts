// The gateway beside time servers: nothing is certified by a clock that is wrong.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Laboratory } from '../harness/laboratory.js'
import { startTimeServer } from '../harness/time-server.js'
import { TestGateway } from './gateway.js'
import { isOf } from './letter.js'
import { original, PLAIN } from './originals.js'

const MARIO = 'mario@pec-a.test'
const LUCIA = 'lucia@pec-a.test'
const message = original({ from: MARIO, to: [LUCIA] }, 'Offerta', ...PLAIN)

test('mail is refused for the time being while the clock is wrong', { timeout: 120_000 }, async (t) => {
  const lab = new Laboratory(t)
  const servers = await Promise.all([startTimeServer(t), startTimeServer(t)])
  const [a, b] = servers
  const gateway = await TestGateway.open(lab, {
    mailboxes: [MARIO, LUCIA],
    settings: {
      clock: {
        ...{ servers_a: `127.0.0.1:${a.port}`, servers_b: `127.0.0.1:${b.port}` },
        // Far from what a busy machine makes of the way to a server and back.
        ...{ interval: '1', alarm: '20', stop: '60' },
      },
    },
  })
  const replyIs = async (code: number): Promise<boolean> => (await gateway.submit(MARIO, [LUCIA], message)).dot?.code === code
  assert.ok(await replyIs(250))
  for (const server of servers) server.ahead = 3_600_000
  await gateway.until('refusal', () => replyIs(450))
  assert.match(gateway.instance.log, /\[CRIT\].*clock does not work \(clock\): our clock is 3600\.\d s behind/)
  assert.ok(await replyIs(450))
  for (const server of servers) server.ahead = 0
  await gateway.until('way back', () => replyIs(250))
  assert.match(gateway.instance.log, /clock works again/)
  await gateway.quiet()
  const letters = await gateway.letters(MARIO)
  assert.equal(letters.filter(isOf('acceptance')).length, letters.filter(isOf('delivery')).length)
})
