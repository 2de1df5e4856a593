import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test, type TestContext } from 'node:test'
import { Clamd } from '../../src/antivirus/clamd.js'
import type { PecError } from '../../src/errors.js'
import { freePort } from '../../src/lab/ports.js'
import { concatenate, fromBuffer, fromFile, type Source } from '../../src/mail/source.js'
import { startFakeClamd, type Script } from './fake-clamd.js'

const OK = (): string => 'stream: OK\0'
const message = fromBuffer(Buffer.from('Subject: x\r\n\r\nbody\r\n'))

async function clamdThat(t: TestContext, script: Script, timeoutMs = 5000): Promise<Clamd> {
  return new Clamd({ endpoint: (await startFakeClamd(t, script)).endpoint, timeoutMs })
}

/** For assert.rejects: a failure that makes the client come again, and why, for the log. */
function unscanned(why: RegExp): (error: unknown) => boolean {
  return (error) => {
    const { code, temporary, message: text } = error as PecError
    assert.deepEqual([code, temporary], ['antivirus', true])
    assert.match(text, /^ALARM: no verdict from clamd at 127\.0\.0\.1:\d+/)
    assert.match(text, why)
    return true
  }
}

test('takes a clean bill over TCP and over a unix socket', async (t) => {
  for (const onUnixSocket of [false, true]) {
    const { endpoint, messages } = await startFakeClamd(t, { answer: OK }, onUnixSocket)
    assert.deepEqual(await new Clamd({ endpoint, timeoutMs: 5000 }).scan(message), { verdict: 'clean' })
    assert.equal(messages.length, 1)
  }
})

test('tells the name of what was found, as one line of visible ASCII, without the details of ExtendedDetectionInfo', async (t) => {
  const names = new Map([
    ['Win.Test.EICAR_HDB-1', 'Win.Test.EICAR_HDB-1'],
    ['Test.Eicar.UNOFFICIAL(44d88612fea8a8f36de82e1278abb02f:68)', 'Test.Eicar.UNOFFICIAL'],
    ['Nome.è\x07<x>', 'Nome.??<x>'],
    ['x'.repeat(500), 'x'.repeat(200)],
  ])
  for (const [said, name] of names) {
    const clamd = await clamdThat(t, { answer: () => `stream: ${said} FOUND\0` })
    assert.deepEqual(await clamd.scan(message), { verdict: 'infected', name })
  }
})

test('takes nothing but the plain words of clamd for a verdict', async (t) => {
  const answers = [
    '',
    '\0',
    'OK\0',
    'stream: \0',
    'stream: FOUND\0',
    'stream:  FOUND\0',
    'stream: not OK\0',
    'hello: OK\0',
    'hello: stream: OK\0',
    'stream: Test.Eicar FOUND\0stream: OK\0',
    'stream: OK\0stream: Test.Eicar FOUND\0',
    'stream: Test.Eicar FOUND\nstream: OK\n',
    'stream: OK\0\0',
    'INSTREAM size limit exceeded. ERROR\0',
    "stream: Can't allocate memory ERROR\0",
    'stream: OK ERROR\0',
    'COMMAND READ TIMED OUT\0',
    'UNKNOWN COMMAND\0',
    randomBytes(300).toString('latin1'),
    'HTTP/1.1 200 OK\r\n\r\n',
  ]
  for (const said of answers) {
    const clamd = await clamdThat(t, { answer: () => said })
    await assert.rejects(clamd.scan(message), unscanned(/./), JSON.stringify(said))
  }
})

test('does not take the end of a limit for a verdict, clean or infected', async (t) => {
  for (const limit of ['MaxFileSize', 'MaxScanSize', 'MaxRecursion', 'MaxScanTime']) {
    const clamd = await clamdThat(t, { answer: () => `stream: Heuristics.Limits.Exceeded.${limit} FOUND\0` })
    await assert.rejects(clamd.scan(message), unscanned(new RegExp(`limit of clamd.conf.*${limit}`)))
  }
  // Older releases have no more to say.
  const old = await clamdThat(t, { answer: () => 'stream: Heuristics.Limits.Exceeded FOUND\0' })
  await assert.rejects(old.scan(message), unscanned(/limit of clamd.conf/))
})

test('trusts no clamd that would call clean what it did not look at, and says what to set', async (t) => {
  const fake = await startFakeClamd(t, { answer: OK, toProbe: 'stream: OK\0' })
  const clamd = new Clamd({ endpoint: fake.endpoint, timeoutMs: 5000 })
  await assert.rejects(clamd.scan(message), unscanned(/AlertExceedsMax/))
  await assert.rejects(clamd.scan(message), unscanned(/AlertExceedsMax/))
  assert.equal(fake.messages.length, 0)
  assert.equal(fake.probes(), 2, 'asked anew each time, for it may have been put right')
})

test('asks for that proof once in a while, not at each message', async (t) => {
  const fake = await startFakeClamd(t, { answer: OK })
  const clamd = new Clamd({ endpoint: fake.endpoint, timeoutMs: 5000 })
  await Promise.all(Array.from({ length: 5 }, () => clamd.scan(message)))
  assert.deepEqual([fake.probes(), fake.messages.length], [1, 5])
  const anxious = new Clamd({ endpoint: fake.endpoint, timeoutMs: 5000, proofMs: 0 })
  await anxious.scan(message)
  await anxious.scan(message)
  assert.equal(fake.probes(), 3)
})

test('gives every byte of a large message to clamd, whatever pieces it comes in', async (t) => {
  const fake = await startFakeClamd(t, { answer: OK })
  const clamd = new Clamd({ endpoint: fake.endpoint, timeoutMs: 20_000 })
  const bytes = randomBytes(3_000_001)
  const folder = await mkdtemp(join(tmpdir(), 'pec-scan-'))
  t.after(() => rm(folder, { recursive: true }))
  await writeFile(join(folder, 'm.eml'), bytes)
  // An empty piece on the wire would be the end of the message.
  const inPieces: Source = {
    size: bytes.length,
    read: (start, end) => Promise.resolve(bytes.subarray(start, end)),
    async *chunks() {
      for (const [from, to] of [
        [0, 1],
        [1, 1],
        [1, 70_000],
        [70_000, 70_000],
        [70_000, bytes.length],
        [bytes.length, bytes.length],
      ])
        yield await Promise.resolve(bytes.subarray(from, to))
    },
  }
  const sources = [
    fromBuffer(bytes),
    await fromFile(join(folder, 'm.eml')),
    concatenate([bytes.subarray(0, 9), await fromFile(join(folder, 'm.eml'), 9)]),
    inPieces,
  ]
  for (const source of sources) {
    assert.deepEqual(await clamd.scan(source), { verdict: 'clean' })
    assert.ok(fake.messages.at(-1)?.equals(bytes))
  }
})

test('reads a large message no faster than clamd takes it', async (t) => {
  let paused = false
  const fake = await startFakeClamd(t, { interrupt: { after: 10_000, how: (socket) => void (socket.pause(), (paused = true)) } })
  let given = 0
  const size = 200_000_000
  const piece = Buffer.alloc(65_536)
  const endless: Source = {
    size,
    read: () => Promise.reject(new Error('not read as a whole')),
    async *chunks() {
      for (; given < size; given += piece.length) yield await Promise.resolve(piece)
    },
  }
  const clamd = new Clamd({ endpoint: fake.endpoint, timeoutMs: 1000 })
  await assert.rejects(clamd.scan(endless), unscanned(/no answer within 1 s/))
  assert.ok(paused)
  assert.ok(given < 20_000_000, `${given} bytes were read`)
})

test('gives up on a clamd that hangs, and cuts the connection', async (t) => {
  const fake = await startFakeClamd(t, { answer: () => undefined })
  const clamd = new Clamd({ endpoint: fake.endpoint, timeoutMs: 300 })
  const begun = performance.now()
  await assert.rejects(clamd.scan(message), unscanned(/no answer within 0\.3 s/))
  assert.ok(performance.now() - begun < 3000)
})

test('gives up on a clamd that drips its answer, or never ends it', async (t) => {
  const drip = (socket: Socket): void => {
    const timer = setInterval(() => socket.write('s'), 20)
    socket.on('close', () => clearInterval(timer))
  }
  const slow = await clamdThat(t, { interrupt: { after: 10_000, how: drip } }, 500)
  await assert.rejects(slow.scan(fromBuffer(Buffer.alloc(20_000))), unscanned(/it said "s+"/))
  const flood = await clamdThat(t, { answer: () => 'stream: OK '.repeat(100_000) })
  await assert.rejects(flood.scan(message), unscanned(/it said "stream: OK/))
})

test('takes a connection that breaks off for no verdict', async (t) => {
  // More than the system's buffers hold: what they hold counts as sent.
  const large = fromBuffer(Buffer.alloc(30_000_000))
  const breaks: Record<string, Script> = {
    'closed half way': { interrupt: { after: 100_000, how: (socket) => socket.end() } },
    'cut half way': { interrupt: { after: 100_000, how: (socket) => socket.resetAndDestroy() } },
    'a clean bill half way': { interrupt: { after: 100_000, how: (socket) => socket.end('stream: OK\0') } },
    'too large': { interrupt: { after: 100_000, how: (socket) => socket.end('INSTREAM size limit exceeded. ERROR\0') } },
    'cut at the end': { answer: () => '' },
  }
  for (const [how, script] of Object.entries(breaks)) {
    const clamd = await clamdThat(t, script)
    await assert.rejects(clamd.scan(large), unscanned(how === 'too large' ? /size limit exceeded/ : /./), how)
  }
})

test('says where nobody listens, and works once somebody does', async (t) => {
  const port = await freePort()
  const away = new Clamd({ endpoint: { host: '127.0.0.1', port }, timeoutMs: 2000 })
  await assert.rejects(away.scan(message), unscanned(/ECONNREFUSED/))
  const named = new Clamd({ endpoint: { host: 'localhost', port }, timeoutMs: 2000 })
  await assert.rejects(named.scan(message), { code: 'antivirus', message: /localhost.*ECONNREFUSED/ })
  const fake = await startFakeClamd(t, { answer: OK })
  const clamd = new Clamd({ endpoint: fake.endpoint, timeoutMs: 2000, proofMs: 0 })
  await clamd.scan(message)
  await fake.close()
  await assert.rejects(clamd.scan(message), unscanned(/ECONNREFUSED/))
})

test('a message that cannot be read is not scanned', async (t) => {
  const clamd = await clamdThat(t, { answer: OK })
  const broken: Source = {
    size: 10,
    read: () => Promise.reject(new Error('no disk')),
    async *chunks() {
      await Promise.reject(new Error('no disk'))
    },
  }
  await assert.rejects(clamd.scan(broken), unscanned(/no disk/))
})

test('holds no connection after a scan', async (t) => {
  const fake = await startFakeClamd(t, { answer: OK })
  const clamd = new Clamd({ endpoint: fake.endpoint, timeoutMs: 5000 })
  for (let n = 0; n < 3; n++) await clamd.scan(message)
  assert.equal(fake.connections(), 4)
})
