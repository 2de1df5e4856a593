// A gateway whose name servers fail: mail for other domains waits, and nobody is told that a domain is not there until a name server says so.
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { freePorts } from '../../src/lab/ports.js'
import { Laboratory } from '../harness/laboratory.js'
import { downAt } from './figures.js'
import { TestGateway } from './gateway.js'
import { isOf } from './letter.js'
import { NXDOMAIN, SERVFAIL, startNames } from './names.js'
import { original, PLAIN } from './originals.js'

const MARIO = 'mario@pec-a.test'
const UGO = 'ugo@ordinary.test'

test('a gateway whose name servers fail', { timeout: 120_000 }, async (t) => {
  const lab = new Laboratory(t)
  let code = SERVFAIL
  const [monitor = 0] = await freePorts(1)
  const gateway = await TestGateway.open(lab, {
    ...{ mailboxes: [MARIO], environment: await startNames(lab, () => code) },
    settings: { monitor: { listen: `127.0.0.1:${monitor}` } },
    outbound: { temp_fail_intervals: '5s*100' },
  })
  const attempts = (): number =>
    gateway.instance.log.match(/the DNS does not tell where mail for ordinary\.test goes/g)?.length ?? 0

  const identifier = await gateway.submitted(MARIO, [UGO], original({ from: MARIO, to: [UGO] }, 'Senza nomi', ...PLAIN))
  await gateway.until('word of several attempts', () => attempts() >= 2)
  assert.match(gateway.instance.log, /dns does not work/)
  assert.equal(await downAt(monitor, 'dns'), 1)
  await gateway.quiet(1)
  assert.deepEqual(
    (await gateway.letters(MARIO)).map(({ kind }) => kind),
    ['acceptance'],
  )

  code = NXDOMAIN
  await gateway.quiet()
  assert.match(gateway.instance.log, /dns works again/)
  assert.equal(await downAt(monitor, 'dns'), 0)
  await gateway.waitForLetters(MARIO, 1, isOf('acceptance', identifier))
  assert.equal((await gateway.letters(MARIO)).length, 2, 'the acceptance, and one notice')
})
