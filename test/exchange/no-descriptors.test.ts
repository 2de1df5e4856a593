// A gateway that runs out of file descriptors: clients beyond are sent away for now, those under way are served, no process ends, and
// it goes on by itself once they have gone.
import assert from 'node:assert/strict'
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { test } from 'node:test'
import { freePorts } from '../../src/lab/ports.js'
import { Laboratory } from '../harness/laboratory.js'
import { downAt, figuresAt } from './figures.js'
import { TestGateway } from './gateway.js'
import { original, PLAIN } from './originals.js'

const MARIO = 'mario@pec-a.test'
const LUCIA = 'lucia@pec-a.test'
/** For each of its processes. */
const LIMIT = 120

/** Connects, and says nothing; with what the other end said first, '' if it hung up without a word. */
async function knock(port: number): Promise<{ readonly socket: Socket; readonly said: string }> {
  const socket = connect(port, '127.0.0.1').setEncoding('latin1')
  socket.on('error', () => undefined)
  const [said = ''] = (await Promise.race([once(socket, 'data'), once(socket, 'close').then(() => [''])])) as string[]
  return { socket, said }
}

test('a gateway without file descriptors', { timeout: 120_000 }, async (t) => {
  const lab = new Laboratory(t)
  const [monitor = 0] = await freePorts(1)
  const gateway = await TestGateway.open(lab, {
    mailboxes: [MARIO, LUCIA],
    settings: { monitor: { listen: `127.0.0.1:${monitor}` } },
    outbound: { temp_fail_intervals: '5s*100' },
    shell: `ulimit -n ${LIMIT}; exec "$@"`,
  })
  const { pids } = gateway.instance
  const letter = (subject: string): Buffer => original({ from: MARIO, to: [LUCIA] }, subject, ...PLAIN)
  const exchanged = (identifier: string): Promise<void> => gateway.exchanged(identifier, MARIO, LUCIA)
  const open: Socket[] = []
  lab.atClose(() => open.forEach((socket) => socket.destroy()))

  await t.test('sends away who comes beyond, and serves who was there', async () => {
    const early = await gateway.session(MARIO)
    const answers: string[] = []
    for (let clients = 0; clients < 2 * LIMIT; clients++) {
      const { socket, said } = await knock(gateway.mxPort)
      open.push(socket)
      answers.push(said)
    }
    const refusals = answers.filter((said) => !said.startsWith('220'))
    assert.ok(refusals.length > 0, 'all were let in')
    assert.ok(answers.length - refusals.length > 10, 'next to none was let in')
    for (const said of refusals) assert.match(said, /^(?:421 4\.3\.2 Too many clients|$)/)
    await gateway.instance.waitForLog(/too many file descriptors are in use/)

    const { dot } = await early.send({ from: MARIO, to: [LUCIA] }, letter('Nel mezzo'))
    assert.equal(dot?.code, 250, JSON.stringify(dot))
    await exchanged(/(\S+@\S+)/.exec(dot.lines.join(' '))?.[1] ?? '')
  })

  await t.test('goes on by itself once they have gone', async () => {
    for (const socket of open) socket.destroy()
    await gateway.until('room', async () => {
      const { socket, said } = await knock(gateway.mxPort)
      socket.destroy()
      return said.startsWith('220')
    })
    await gateway.instance.waitForLog(/descriptors works again, after \d+ failures/)
    const failures = (await figuresAt(monitor)).get('pec_failures_total{part="descriptors",code="descriptors"}') ?? 0
    assert.ok(failures > 0, 'what happened is counted')
    assert.equal(await downAt(monitor, 'descriptors'), 0)
    await exchanged(await gateway.submitted(MARIO, [LUCIA], letter('Dopo')))
    assert.deepEqual(gateway.instance.pids, pids, 'no process has ended')
  })
})
