// Two providers whose mailboxes have an archive of their traffic and notices of arrival (O8), set on the command line while they run.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, readdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { promisify } from 'node:util'
import { Authority } from '../../src/demo/authority.js'
import { updateMailbox } from '../../src/directory/directory-edit.js'
import { Laboratory } from '../harness/laboratory.js'
import { choosePorts, PROGRAM, TestGateway } from './gateway.js'
import { isOf } from './letter.js'
import { original, PLAIN } from './originals.js'

const MARIO = 'mario@pec-a.test'
const UGO = 'ugo@pec-b.test'
const EVA = 'eva@pec-b.test'
const COPIES = 'copie@pec-b.test'
const HOME = 'ugo@casa.test'

/** The directory and the index are looked at once a second. */
const takenOver = (): Promise<void> => sleep(1100)
const pec = (...args: readonly string[]) => promisify(execFile)(process.execPath, [PROGRAM, ...args])
const letter = (subject: string, ...to: readonly string[]): Buffer => original({ from: MARIO, to }, subject, ...PLAIN)

/** All copies of a mailbox's traffic, those of the past midnight too. */
async function copiesOf({ directory }: TestGateway, address: string): Promise<Buffer[]> {
  const [user = '', domain = ''] = address.split('@')
  const folder = join(directory, 'copies', domain, user)
  const names = await readdir(folder, { recursive: true }).catch(() => [])
  return Promise.all(names.filter((name) => name.endsWith('.eml')).map((name) => readFile(join(folder, name))))
}

const sorted = (messages: readonly Buffer[]): readonly string[] => messages.map((bytes) => bytes.toString('latin1')).sort()

test('archives and notices of mailboxes', { timeout: 180_000 }, async (t) => {
  const lab = new Laboratory(t)
  const home = await lab.sink({ protocol: 'smtp' })
  const authority = await Authority.open(join(await lab.directory(), 'authority'))
  const [portsA, portsB] = [await choosePorts(), await choosePorts()]
  const open = async (name: string, domain: string, own: typeof portsA, routes: Record<string, number>, mailboxes: string[]) => {
    const { signing } = await authority.accredit(name, domain)
    const keys = { key: signing.key, cert: signing.certificate, trust: authority.anchor, crl: authority.revocationList }
    const settings = { index: { refresh: '1' }, peers: { tls: 'required' } }
    // Three attempts at a copy: at once, by Haraka, and five seconds later.
    return TestGateway.open(
      lab,
      { name, domain, keys, mailboxes, routes, settings, outbound: { temp_fail_intervals: '5s' } },
      own,
    )
  }
  const routesOfB = { 'pec-a.test': portsA.mx, 'casa.test': home.port }
  const [a, b] = await Promise.all([
    open('Gestore A S.p.A.', 'pec-a.test', portsA, { 'pec-b.test': portsB.mx }, [MARIO]),
    open('Gestore B S.p.A.', 'pec-b.test', portsB, routesOfB, [UGO, EVA, COPIES]),
  ])
  const records = await lab.directory()
  await Promise.all(
    [
      [a, b],
      [b, a],
    ].map(async ([from = a, to = b]) => {
      const record = join(records, `${from.mxPort}.ldif`)
      await pec('index', 'export', from.directory, record)
      await pec('index', 'import', to.directory, record)
    }),
  )
  const eventsOf = async (gateway: TestGateway, identifier: string, ...types: readonly string[]): Promise<readonly string[]> =>
    (await gateway.ledger.eventsOf(identifier))
      .filter(({ type }) => types.includes(type))
      .map(({ type, recipients, outcome }) => `${type} ${recipients.join(' ')}: ${outcome}`)

  await t.test('are set on the command line, and not so that mail goes in circles', async () => {
    const [{ stdout: said }] = await Promise.all([
      pec('mailbox', 'archive', a.directory, MARIO, 'files'),
      pec('mailbox', 'archive', b.directory, UGO, 'files'),
    ])
    assert.match(said, /: files\./)
    await pec('mailbox', 'notice', b.directory, UGO, `details:${HOME}`)
    await pec('mailbox', 'archive', b.directory, EVA, `mailbox:${COPIES}`)
    const { stdout } = await pec('mailbox', 'show', b.directory, UGO)
    assert.match(stdout, /^archive: files\nnotice of arrival: details:ugo@casa\.test$/m)
    for (const [option, value, words] of [
      ['notice', `plain:${MARIO}`, /certified mail of Gestore A/],
      ['archive', 'tape', /none of files, mailbox:ADDRESS/],
    ] as const)
      await assert.rejects(pec('mailbox', option, b.directory, COPIES, value), words)
    await takenOver()
  })

  await t.test('hold all that passes, and tell of what arrives, once', async () => {
    const identifier = await a.submitted(MARIO, [UGO, EVA], letter('uno', UGO, EVA))
    const receipts = await a.waitForLetters(MARIO, 3)
    const [ofUgo = assert.fail()] = await b.waitForLetters(UGO, 1, isOf('transport', identifier))
    const [ofEva = assert.fail()] = await b.waitForLetters(EVA, 1, isOf('transport', identifier))
    assert.deepEqual(ofEva.bytes, ofUgo.bytes)
    // The envelope as it was sent, its acceptance, and two delivery receipts.
    await a.until('copies of Mario’s traffic', async () => (await copiesOf(a, MARIO)).length === 4)
    assert.deepEqual(sorted(await copiesOf(a, MARIO)), sorted([ofUgo, ...receipts].map(({ bytes }) => bytes)))
    await b.until('a copy of Ugo’s', async () => (await copiesOf(b, UGO)).length === 1)
    assert.deepEqual(await copiesOf(b, UGO), [ofUgo.bytes])
    const [copy = assert.fail()] = await b.waitForLetters(COPIES, 1)
    assert.deepEqual(copy.bytes, ofEva.bytes)

    const [notice = assert.fail()] = await home.waitFor(1)
    assert.deepEqual([notice.from, notice.to], ['', [HOME]])
    const text = notice.bytes.toString('latin1')
    assert.match(text, /^Auto-Submitted: auto-generated\r$/m)
    assert.match(text, /^Mittente: mario@pec-a\.test\r\nOggetto: uno\r$/m)
    for (const gateway of [a, b]) await gateway.quiet()
    assert.equal(home.messages.length, 1)
    assert.equal((await copiesOf(b, EVA)).length + (await copiesOf(b, COPIES)).length, 0)
    const events = await eventsOf(b, identifier, 'copy', 'arrival-notice', 'option-failure')
    assert.equal(events.length, 3, events.join('\n'))
    assert.match(events.join('\n'), /copy ugo@pec-b\.test: kept as pec-b\.test\/ugo\/\d{4}-\d\d-\d\d\/\d{6}-[0-9a-f]{16}\.eml/)
  })

  await t.test('that fail are tried again, and given up aloud; the certified message is delivered all the same', async () => {
    const folder = join(b.directory, 'copies', 'pec-b.test')
    await rename(folder, `${folder}.away`)
    await writeFile(folder, 'no folder')
    const given = await a.submitted(MARIO, [UGO], letter('due', UGO))
    await b.until('copy given up', async () => (await eventsOf(b, given, 'option-failure')).length === 1)
    const [row = ''] = await eventsOf(b, given, 'option-failure')
    assert.match(row, /^option-failure ugo@pec-b\.test: 450 the folder of copies .* did not take one/)
    assert.equal(await a.outcomeOf(given, UGO), 'delivered')
    assert.match(b.instance.log, /copies does not work \(copies\)|the folder of copies/)

    const late = await a.submitted(MARIO, [UGO], letter('tre', UGO))
    await a.until('delivery receipt', async () => (await a.outcomeOf(late, UGO)) === 'delivered')
    await b.until('copy that waits', async () => (await b.queued()).length > 0)
    await rm(folder)
    await mkdir(folder)
    await b.until('copy that was late', async () => (await copiesOf(b, UGO)).length === 1)
    const [letterOfUgo = assert.fail()] = await b.waitForLetters(UGO, 1, isOf('transport', late))
    assert.deepEqual(await copiesOf(b, UGO), [letterOfUgo.bytes])
    await b.quiet()
    assert.deepEqual(await eventsOf(b, late, 'option-failure'), [])
  })

  await t.test('end with the options', async () => {
    const before = (await copiesOf(a, MARIO)).length
    for (const [{ directory }, address] of [
      [a, MARIO],
      [b, UGO],
    ] as const)
      await updateMailbox(join(directory, 'directory.json'), address, { archive: undefined, arrivalNotice: undefined })
    await takenOver()
    const told = home.messages.length
    const identifier = await a.submitted(MARIO, [UGO], letter('quattro', UGO))
    await a.until('delivery receipt', async () => (await a.outcomeOf(identifier, UGO)) === 'delivered')
    for (const gateway of [a, b]) await gateway.quiet()
    assert.equal((await copiesOf(a, MARIO)).length, before)
    assert.equal(home.messages.length, told)
  })
})
