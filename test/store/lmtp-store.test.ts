import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after, before, test } from 'node:test'
import { setTimeout as sleep } from 'node:timers/promises'
import { isPecError, PecError } from '../../src/errors.js'
import type { MailboxState } from '../../src/points/ports.js'
import { LmtpStore, type LmtpStoreOptions, type StoreEvent } from '../../src/store/lmtp-store.js'
import { LmtpClient } from './lmtp-client.js'

const root = mkdtempSync(join(tmpdir(), 'pec-store-'))
const events: StoreEvent[] = []
const mailboxes: Readonly<Record<string, { readonly state: MailboxState; readonly quotaBytes?: number }>> = {
  'one@pec.example': { state: 'active' },
  'two@pec.example': { state: 'suspended' },
  'closed@pec.example': { state: 'closed' },
  'small@pec.example': { state: 'active', quotaBytes: 1000 },
  'late@pec.example': { state: 'active', quotaBytes: 1000 },
  'blocked@pec.example': { state: 'active' },
  'x@xn--citt-3na.example': { state: 'active' },
  'bytes@pec.example': { state: 'active' },
  '../x@pec.example': { state: 'active' },
}
const directory: LmtpStoreOptions['directory'] = {
  mailbox: (address) => {
    if (address === 'unsure@pec.example') return Promise.reject(new PecError('directory', 'away', { temporary: true }))
    const found = mailboxes[address]
    return Promise.resolve(found && { address, ...found })
  },
}
const options: LmtpStoreOptions = {
  directory,
  root,
  port: 0,
  maxSize: 2_000_000,
  clock: () => new Date(),
  onEvent: (event) => events.push(event),
  closeWithin: 100,
}

let store: LmtpStore
let client: LmtpClient
before(async () => {
  mkdirSync(join(root, 'mail', '.spool'), { recursive: true })
  writeFileSync(join(root, 'mail', '.spool', 'left-over'), 'x')
  store = await LmtpStore.open(options)
  client = await LmtpClient.open(store.port)
})
after(async () => {
  client.close()
  await store.close()
  rmSync(root, { recursive: true })
})

const maildir = (address: string) => join(root, 'mail', ...address.split('@').reverse(), 'Maildir')
const messagesOf = (address: string) => {
  const folder = join(maildir(address), 'new')
  return existsSync(folder) ? readdirSync(folder).sort().map((name) => readFileSync(join(folder, name))) : [] // prettier-ignore
}
/** Delivers to a mailbox of its own kind and gives the stored bytes. */
async function stored(wire: string | Buffer | readonly Buffer[]): Promise<Buffer> {
  rmSync(maildir('bytes@pec.example'), { recursive: true, force: true })
  await client.command('MAIL FROM:<a@p.example>')
  await client.command('RCPT TO:<bytes@pec.example>')
  await client.command('DATA')
  for (const piece of Array.isArray(wire) ? (wire as readonly Buffer[]) : [wire as string | Buffer]) {
    client.write(piece)
    if (Array.isArray(wire)) await sleep(2)
  }
  assert.match(await client.reply(), /^250 2\.6\.0 /)
  const [bytes] = messagesOf('bytes@pec.example')
  assert(bytes)
  return bytes
}

test('answers each recipient by its mailbox and each accepted one for the message', async () => {
  const to = ['one@pec.example', 'nobody@pec.example', 'TWO@Pec.Example', 'closed@pec.example', 'unsure@pec.example']
  const { rcpt, data } = await client.send(to, 'Subject: x\r\n\r\nbody\r\n.\r\n')
  assert.deepEqual(
    rcpt.map((reply) => reply.slice(0, 9)),
    ['250 Accep', '550 5.1.1', '250 Accep', '550 5.2.1', '451 4.3.0'],
  )
  assert.deepEqual(data, ['250 2.6.0 stored', '250 2.6.0 stored'])
  for (const address of ['one@pec.example', 'two@pec.example']) {
    assert.deepEqual(messagesOf(address), [Buffer.from('Subject: x\r\n\r\nbody\r\n')])
    assert.equal(statSync(maildir(address)).mode & 0o777, 0o700)
    assert.deepEqual(readdirSync(maildir(address)).sort(), ['cur', 'new', 'tmp'])
    assert.deepEqual(readdirSync(join(maildir(address), 'tmp')), [])
  }
})

test('leaves nothing in the spool, nor what an earlier run left there', () => {
  assert.deepEqual(readdirSync(join(root, 'mail', '.spool')), [])
})

const exact: readonly (readonly [string, string, string])[] = [
  ['a line that begins with a dot', 'a\r\n..b\r\n.\r\n', 'a\r\n.b\r\n'],
  ['a line that is a dot', 'a\r\n..\r\nb\r\n.\r\n', 'a\r\n.\r\nb\r\n'],
  ['a first line that begins with a dot', '..a\r\n.\r\n', '.a\r\n'],
  ['a first line that is a dot', '..\r\n.\r\n', '.\r\n'],
  ['several dots', '....\r\n.\r\n', '...\r\n'],
  ['an empty last line', 'a\r\n\r\n.\r\n', 'a\r\n\r\n'],
  ['only line ends', '\r\n.\r\n', '\r\n'],
  ['an empty message', '.\r\n', ''],
  ['eight bits and NUL', '\x00\x80\xff\r\n.\r\n', '\x00\x80\xff\r\n'],
  ['lone CR and LF', 'a\rb\nc\r\n.\r\n', 'a\rb\nc\r\n'],
  ['a dot after a lone LF, doubled as Haraka does', 'a\n..b\r\n.\r\n', 'a\n.b\r\n'],
  ['a dot after a lone LF, which ends nothing', 'a\n.\r\nb\r\n.\r\n', 'a\n.\r\nb\r\n'],
]
for (const [what, wire, expected] of exact) {
  test(`stores ${what} byte for byte`, async () => {
    assert.equal((await stored(Buffer.from(wire, 'latin1'))).toString('latin1'), expected)
  })
  test(`stores ${what} byte for byte when it comes in single bytes`, async () => {
    const pieces = [...Buffer.from(wire, 'latin1')].map((byte) => Buffer.from([byte]))
    assert.equal((await stored(pieces)).toString('latin1'), expected)
  })
}

test('stores a message of a megabyte with dots at odd places byte for byte', async () => {
  const lines: string[] = []
  for (let size = 0; size < 1_000_000; size += 500) {
    const line = randomBytes(750).toString('latin1').replace(/[\r\n]/g, '.').slice(0, size % 730) // prettier-ignore
    lines.push('.'.repeat(size % 3) + line)
  }
  const message = `${lines.join('\r\n')}\r\n`
  const wire = `${message.replace(/^\./gm, '..')}.\r\n`
  assert((await stored(Buffer.from(wire, 'latin1'))).equals(Buffer.from(message, 'latin1')))
})

test('takes pipelined commands, and several messages on one connection', async () => {
  const one = (text: string) =>
    `MAIL FROM:<>\r\nRCPT TO:<one@pec.example>\r\nRCPT TO:<nobody@pec.example>\r\nDATA\r\n${text}\r\n.\r\n`
  const before = messagesOf('one@pec.example').length
  client.write(one('first') + one('second'))
  const codes = (await client.replies(10)).map((reply) => reply.slice(0, 3))
  assert.deepEqual(codes, ['250', '250', '550', '354', '250', '250', '250', '550', '354', '250'])
  assert.equal(messagesOf('one@pec.example').length, before + 2)
})

test('gives a recipient named twice two replies and one copy', async () => {
  const before = messagesOf('one@pec.example').length
  const { data } = await client.send(['one@pec.example', 'two@pec.example', 'One@pec.example'], 'x\r\n.\r\n')
  assert.equal(data.length, 3)
  assert.equal(messagesOf('one@pec.example').length, before + 1)
})

test('forgets the recipients of a transaction that was reset', async () => {
  const before = messagesOf('one@pec.example').length
  await client.command('MAIL FROM:<>')
  await client.command('RCPT TO:<one@pec.example>')
  await client.command('RSET')
  const { data } = await client.send(['two@pec.example'], 'x\r\n.\r\n')
  assert.equal(data.length, 1)
  assert.equal(messagesOf('one@pec.example').length, before)
})

test('refuses a full mailbox for good, at RCPT where it can and for each recipient after the message', async () => {
  const line = `${'x'.repeat(598)}\r\n`
  const first = await client.send(['small@pec.example'], `${line}.\r\n`)
  assert.match(first.data[0] ?? '', /^250/)
  const second = await client.send(['small@pec.example', 'one@pec.example'], `${line}.\r\n`)
  assert.deepEqual(
    second.data.map((reply) => reply.slice(0, 9)),
    ['552 5.2.2', '250 2.6.0'],
  )
  await client.command('MAIL FROM:<> SIZE=600')
  assert.match(await client.command('RCPT TO:<small@pec.example>'), /^552 5\.2\.2/)
  await client.command('RSET')
  assert.match((await client.send(['small@pec.example'], `${'x'.repeat(398)}\r\n.\r\n`)).data[0] ?? '', /^250/)
  assert.match((await client.send(['small@pec.example'], '')).rcpt[0] ?? '', /^552 5\.2\.2/)
})

test('counts what a mailbox held before it started, read mail and sub-folders included', async () => {
  const home = maildir('late@pec.example')
  for (const folder of ['cur', 'new', 'tmp', '.Archivio/cur']) mkdirSync(join(home, folder), { recursive: true })
  writeFileSync(join(home, 'cur', '1.x,S=500:2,S'), '')
  writeFileSync(join(home, '.Archivio', 'cur', '2.x:2,'), 'x'.repeat(500))
  assert.match((await client.send(['late@pec.example'], '')).rcpt[0] ?? '', /^552 5\.2\.2/)
})

test('reads a message beyond the size bound to its end and refuses it for good', async () => {
  await client.command('MAIL FROM:<>')
  await client.command('RCPT TO:<one@pec.example>')
  await client.command('RCPT TO:<two@pec.example>')
  await client.command('DATA')
  for (let line = 0; line < 30; line += 1) client.write(`${'x'.repeat(99_998)}\r\n`)
  client.write('.\r\n')
  assert.deepEqual(
    (await client.replies(2)).map((reply) => reply.slice(0, 9)),
    ['552 5.3.4', '552 5.3.4'],
  )
  assert.match(await client.command('NOOP'), /^250/)
  assert.deepEqual(readdirSync(join(root, 'mail', '.spool')), [])
})

test('answers a disk that gives trouble with a temporary failure, for that recipient only', async () => {
  const home = maildir('blocked@pec.example')
  mkdirSync(join(home, '..'), { recursive: true })
  writeFileSync(home, 'a file where the Maildir should be')
  const { data } = await client.send(['blocked@pec.example', 'one@pec.example'], 'x\r\n.\r\n')
  assert.deepEqual(
    data.map((reply) => reply.slice(0, 9)),
    ['451 4.3.0', '250 2.6.0'],
  )
  assert(events.some((event) => event.kind === 'trouble' && event.address === 'blocked@pec.example'))
})

test('answers trouble with the spool with a temporary failure for every recipient', async () => {
  const spool = join(root, 'mail', '.spool')
  rmSync(spool, { recursive: true })
  const { data } = await client.send(['one@pec.example', 'two@pec.example'], 'x\r\n.\r\n')
  mkdirSync(spool)
  assert.deepEqual(
    data.map((reply) => reply.slice(0, 9)),
    ['451 4.3.0', '451 4.3.0'],
  )
})

test('never lets an address lead out of its folder, and finds internationalised domains by their ASCII form', async () => {
  assert.match((await client.send(['../x@pec.example'], '')).rcpt[0] ?? '', /^[45]\d\d /)
  assert.match((await client.send(['x@xn--citt-3na.example'], 'x\r\n.\r\n')).data[0] ?? '', /^250/)
  assert.equal(messagesOf('x@xn--citt-3na.example').length, 1)
})

test('stores nothing of a message that breaks off', async () => {
  const before = messagesOf('one@pec.example').length
  const other = await LmtpClient.open(store.port)
  await other.command('MAIL FROM:<>')
  await other.command('RCPT TO:<one@pec.example>')
  await other.command('DATA')
  other.write('half of it\r\n')
  await sleep(50)
  other.close()
  for (let turn = 0; turn < 100 && readdirSync(join(root, 'mail', '.spool')).length > 0; turn += 1) await sleep(10)
  assert.deepEqual(readdirSync(join(root, 'mail', '.spool')), [])
  assert.equal(messagesOf('one@pec.example').length, before)
})

test('offers neither TLS nor authentication, and speaks LMTP only', async () => {
  const other = await LmtpClient.open(store.port)
  assert.match(await other.command('EHLO x'), /^500/)
  assert.match(await other.command('STARTTLS'), /^5/)
  assert.match(await other.command('AUTH PLAIN'), /^5/)
  other.close()
})

test('does not listen beyond loopback, nor on a port that is taken', async () => {
  for (const wrong of [{ host: '0.0.0.0' }, { host: '192.0.2.1' }, { port: store.port }]) {
    await assert.rejects(LmtpStore.open({ ...options, ...wrong, root: join(root, 'other') }), (error: unknown) => {
      return isPecError(error) && error.code === 'configuration'
    })
  }
})

test('reports what it stored', () => {
  const event = events.find((each) => each.kind === 'stored' && each.address === 'one@pec.example')
  assert(event?.kind === 'stored')
  assert.deepEqual([event.address, event.size], ['one@pec.example', 20])
  assert.match(event.path, /\/mail\/pec\.example\/one\/Maildir\/new\/\d+\.M\d+P\d+Q\d+R[0-9a-f]+\..*,S=20$/)
})
