// What the register says of a message, as an operator gets it from a running gateway.
import assert from 'node:assert/strict'
import { execFile } from 'node:child_process'
import { mkdir, stat, writeFile } from 'node:fs/promises'
import { userInfo } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import { promisify } from 'node:util'
import { buffer } from 'node:stream/consumers'
import { readZip } from '../../src/archive/zip.js'
import { fromBuffer } from '../../src/mail/source.js'
import { momentOf } from '../../src/pec/moment.js'
import { openFileQuarantine } from '../../src/quarantine/file-quarantine.js'
import { Laboratory } from '../harness/laboratory.js'
import { pec } from '../harness/pec.js'
import { choosePorts, PASSWORD, TestGateway } from './gateway.js'
import { original, PLAIN } from './originals.js'

const MARIO = 'mario@pec-a.test'
const LUCIA = 'lucia@pec-a.test'
const REGISTER = 'registro@pec-a.test'
const message = original({ from: MARIO, to: [LUCIA] }, 'Offerta', ...PLAIN)

test('an operator retrieves what happened to a message', { timeout: 300_000 }, async (t) => {
  const lab = new Laboratory(t)
  const ports = await choosePorts()
  const retrieval = {
    ...{ mailbox: REGISTER, password_file: 'config/registro.password', submission: `127.0.0.1:${ports.submission}` },
  }
  const plan = {
    ...{ mailboxes: [MARIO, LUCIA, REGISTER], settings: { retrieval } },
    prepare: (path: string) => writeFile(join(path, 'config', 'registro.password'), `${PASSWORD}\n`, { mode: 0o600 }),
  }
  const gateway = await TestGateway.open(lab, plan, ports)
  const { directory } = gateway
  const out = join(await lab.directory(), 'estratto.zip')
  const identifier = await gateway.submitted(MARIO, [LUCIA], message)
  const other = await gateway.submitted(LUCIA, [MARIO], original({ from: LUCIA, to: [MARIO] }, 'Risposta', ...PLAIN))
  await gateway.waitForLetters(MARIO, 3)
  await gateway.quiet()

  await t.test('events are found by their marks', async () => {
    const kindsOf = async (...marks: readonly string[]): Promise<readonly string[]> => {
      const { status, out, err } = await pec('log', 'search', directory, '--json', ...marks)
      assert.equal(status, 0, err)
      return out.split('\n').flatMap((line) => (line === '' ? [] : [(JSON.parse(line) as { type: string }).type]))
    }
    const stored = ['mailbox-delivery', 'mailbox-delivery', 'mailbox-delivery']
    assert.deepEqual([...(await kindsOf('--identifier', `<${identifier}>`))].sort(), [
      ...['acceptance', 'delivery', ...stored, 'reception', 'take-charge', 'transport'],
    ])
    assert.deepEqual(await kindsOf('--sender', MARIO, '--kind', 'delivery', '--to', '2099-01-01'), ['delivery'])
    assert.deepEqual(await kindsOf('--recipient', LUCIA, '--kind', 'acceptance'), ['acceptance'])
    assert.deepEqual(await kindsOf('--day', '2020-01-01'), [])
    const limited = await pec('log', 'search', directory, '--sender', LUCIA, '--limit', '1')
    assert.match(limited.out, new RegExp(`^\\S+ \\S+ \\+0\\d00  \\S+ +${other}  ${LUCIA} -> ${MARIO}  \\S.*\\n$`))
    assert.match(limited.err, /more than these 1 events/)
    const wrong = await pec('log', 'search', directory, '--day', '2026-02-30')
    assert.deepEqual([wrong.status, /2026-02-30 is no day/.test(wrong.err)], [1, true])
  })

  await t.test('its timeline tells receipts, data and signatures', async () => {
    const { status, out, err } = await pec('log', 'show', directory, identifier)
    assert.equal(status, 0, out + err)
    assert.match(out, /acceptance receipt issued[^]*delivery receipt issued/)
    assert.match(out, /Subject +Offerta/)
    assert.match(out, /Signature +holds: Gestore A S\.p\.A\./)
    assert.match(out, /8 events with 4 signatures: nothing is wrong/)
    const json = await pec('log', 'show', directory, identifier, '--json')
    const facts = JSON.parse(json.out) as { events: { check: { trust: string } | null }[]; findings: unknown[] }
    assert.deepEqual(
      facts.events.flatMap(({ check }) => (check === null ? [] : [check.trust])),
      Array.from({ length: 4 }, () => 'trusted'),
    )
    assert.deepEqual(facts.findings, [])
    const unknown = await pec('log', 'show', directory, 'nobody@pec-a.test')
    assert.deepEqual([unknown.status, /knows nothing of nobody@/.test(unknown.err)], [1, true])
  })

  const members = new Map<string, Buffer>()
  const asked = ['--identifier', identifier, '--requested-by', 'Procura di Prova, fasc. 12/2026', '--out', out]

  await t.test('nobody gets an extract but by certified mail', async () => {
    const refused = await pec('log', 'extract', directory, ...asked, '--send-to', 'zoe@mail.test')
    assert.deepEqual([refused.status, /no certified mail by the index/.test(refused.err)], [1, true])
    await assert.rejects(stat(out), { code: 'ENOENT' })
    assert.equal((await gateway.ledger.search({ type: 'retrieval' }, 10)).events.length, 0)
  })

  await t.test('an extract has what proves it, is registered, and goes by certified mail', async () => {
    const today = new Date().toISOString().slice(0, 10)
    await mkdir(join(directory, 'archive'), { recursive: true })
    const seal = ['json', 'json.p7s', 'json.p7s.tsr'].map((end) => `${today}.${end}`)
    for (const name of seal) await writeFile(join(directory, 'archive', name), name)
    const done = await pec('log', 'extract', directory, ...asked, '--send-to', LUCIA)
    assert.equal(done.status, 0, done.err)
    assert.equal((await stat(out)).mode & 0o777, 0o600)
    const [event, ...others] = (await gateway.ledger.search({ type: 'retrieval' }, 10)).events
    assert.deepEqual(others, [])
    assert.deepEqual([event?.identifier, event?.sender, event?.recipients], [identifier, asked[3], [LUCIA]])
    const digest = /SHA-256 ([0-9a-f]{64})/.exec(done.out)?.[1] ?? ''
    assert.equal(event?.outcome, `extract of 8 events, SHA-256 ${digest}`)
    for await (const { name, bytes } of readZip(out)) members.set(name, await buffer(bytes))
    assert.deepEqual(
      [...members.keys()].filter((name) => name.startsWith('archivio/')),
      seal.map((name) => `archivio/${name}`),
    )
    assert.equal([...members.keys()].filter((name) => /^prove\/\d{4}-[a-z-]+-(daticert\.xml|smime\.p7s)$/.test(name)).length, 8)
    assert.match(String(members.get('registro.csv')), /^id,at,type,identifier/)
    assert.equal(String(members.get('registro.jsonl')).trim().split('\n').length, 8)
    const [letter] = await gateway.waitForLetters(LUCIA, 1, ({ data }) => data?.sender === REGISTER)
    assert.deepEqual([letter?.kind, letter?.data?.recipients], ['transport', [{ address: LUCIA, type: 'certified' }]])
    assert.match((await pec('log', 'extract', directory, ...asked)).err, /estratto\.zip is there already/)
    assert.equal((await gateway.ledger.search({ type: 'retrieval' }, 10)).events.length, 1)
    // An inquiry may be secret: the next who asks is not told of it.
    const next = ['--identifier', identifier, '--requested-by', 'Avv. Rossi', '--out', join(await lab.directory(), 'x.zip')]
    assert.match((await pec('log', 'extract', directory, ...next)).out, /: 8 events, /)
  })

  await t.test('its summary can be read, as text and as PDF', async () => {
    const text = String(members.get('riepilogo.txt'))
    assert.match(text, /Richiesto da: Procura di Prova, fasc\. 12\/2026\r\n/)
    assert.match(text, /Oggetto: Offerta\r\n/)
    assert.match(text, /emessa la ricevuta di avvenuta consegna[^]*firma valida di Gestore A S\.p\.A\., apposta il/)
    const time = '\\d\\d/\\d\\d/\\d{4} \\d\\d:\\d\\d:\\d\\d \\+0\\d00'
    assert.match(text, new RegExp(`certificano: avvenuta-consegna di Gestore A S\\.p\\.A\\., ${time}, per ${LUCIA}\r\n`))
    const pdf = join(directory, 'riepilogo.pdf')
    await writeFile(pdf, members.get('riepilogo.pdf') ?? '')
    const { stdout } = await promisify(execFile)('pdftotext', ['-layout', pdf, '-'])
    const words = (from: string): string => from.replace(/[^\p{L}\p{N}]/gu, '').toLowerCase()
    const foot = /Estratto del registro dei messaggi di posta elettronica certificata - pagina \d di \d/g
    assert.equal(words(stdout.replace(foot, '')), words(text))
    assert.equal(stdout.match(foot)?.length, stdout.split('\f').length - 1)
  })

  await t.test('what is in quarantine is listed, exported and purged by its time', async () => {
    const store = await openFileQuarantine({ directory: join(directory, 'quarantine'), months: 30 })
    const since = new Date()
    const file = await store.keep(fromBuffer(Buffer.from('Subject: x\r\n\r\nEICAR')), since)
    const kept = { identifier, reason: 'virus', signature: 'Test.Eicar', provider: 'Gestore A S.p.A.', sender: MARIO } as const
    await gateway.ledger.commit({ step: 'kept', at: momentOf(since), claims: [], events: [], quarantined: { ...file, ...kept } })
    assert.match(
      (await pec('quarantine', 'list', directory)).out,
      new RegExp(`${file.id}  ${identifier}  ${MARIO}  Test\\.Eicar`),
    )
    assert.match((await pec('quarantine', 'show', directory, identifier)).out, /File +intact/)
    const zip = join(await lab.directory(), 'virus.zip')
    const exported = await pec('quarantine', 'export', directory, file.id, '--out', zip, '--requested-by', 'CERT')
    assert.deepEqual([exported.status, (await stat(zip)).mode & 0o777], [0, 0o600], exported.err)
    const early = await pec('quarantine', 'purge', directory, file.id)
    assert.deepEqual([early.status, /its time is not over/.test(early.out)], [1, true])
    assert.equal((await pec('hold', 'add', directory, identifier, '--reason', 'inquiry')).status, 0)
    const forced = ['quarantine', 'purge', directory, file.id, '--force', '--reason', 'order of the court'] as const
    assert.match((await pec(...forced)).out, /on hold/)
    assert.equal((await pec('hold', 'remove', directory, identifier)).status, 0)
    assert.match((await pec(...forced)).out, /1 messages purged/)
    assert.equal((await pec('quarantine', 'show', directory, file.id)).status, 1)
    const [purge] = (await gateway.ledger.search({ type: 'purge' }, 10)).events
    assert.equal(purge?.sender, userInfo().username)
    assert.match(purge.outcome, /purged from quarantine \(Test\.Eicar, .* before its time: order of the court/)
  })

  await t.test('figures of the day, and what AgID is told', async () => {
    const outage = ['--day', '2026-02-10', '--type', '03', '--minutes', '12', '--sla', 'N']
    assert.equal((await pec('outage', 'add', directory, ...outage)).status, 0)
    assert.match((await pec('outage', 'list', directory)).out, /^2026-02-10  03  12 minutes  no SLA/)
    const p02 = await pec('stats', 'agid', directory, '--year', '2026', '--period', '1', '--code', 'G1', '--csv', 'P02')
    assert.match(p02.out, /\nG1,1,10\/02,2026,03,12,N\n$/, p02.err)
    const yearly = (year: string) =>
      pec('stats', 'agid', directory, '--year', year, '--period', '3', '--code', 'G1', '--csv', 'P01')
    const future = await yearly('2099')
    // Without the two of the service itself.
    assert.match(future.out, /\nG1,3,2099,1,3,0,0,0,0\n$/)
    assert.match(future.err, /^These four months are not over/)
    assert.match((await yearly('2020')).err, /^Events leave the register after 30 months: these figures may be too low/)
    const today = await pec('stats', 'daily', directory, '--format', 'json')
    assert.equal((JSON.parse(today.out) as { accepted: number }).accepted, 3, today.err)
  })
})
