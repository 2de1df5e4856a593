import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { test } from 'node:test'
import { deflateRawSync, gzipSync } from 'node:zlib'
import { Clamd } from '../../src/antivirus/clamd.js'
import { freePort } from '../../src/lab/ports.js'
import { fromBuffer, type Source } from '../../src/mail/source.js'
import { clamdIsMissing as skip, EICAR, EICAR_NAME, startClamd } from '../harness/clamd.js'

const INFECTED = { verdict: 'infected', name: EICAR_NAME }
const CLEAN = { verdict: 'clean' }

function mailWith(attachment: Buffer, before = 0): Source {
  const lines = (bytes: Buffer): string => (bytes.toString('base64').match(/.{1,76}/g) ?? []).join('\r\n')
  const part = (data: Buffer): string =>
    `--b\r\nContent-Type: application/octet-stream; name="a.bin"\r\nContent-Transfer-Encoding: base64\r\n\r\n${lines(data)}\r\n`
  const head = 'From: a@pec.test\r\nTo: b@pec.test\r\nSubject: x\r\nMIME-Version: 1.0\r\n'
  const type = 'Content-Type: multipart/mixed; boundary="b"\r\n\r\n'
  const filler = before === 0 ? '' : part(randomBytes(before))
  return fromBuffer(Buffer.from(`${head}${type}${filler}${part(attachment)}--b--\r\n`))
}

const unscanned = (why: RegExp) => ({ name: 'PecError', code: 'antivirus', temporary: true, message: why })

for (const at of ['TCP', 'a unix socket']) {
  test(`a real clamd over ${at} tells clean messages from infected ones`, { skip, timeout: 60_000 }, async (t) => {
    const { endpoint } = await startClamd(t, at === 'TCP' ? { port: await freePort() } : 'unix')
    const clamd = new Clamd({ endpoint, timeoutMs: 20_000 })
    const eicar = Buffer.from(EICAR)
    assert.deepEqual(await clamd.scan(fromBuffer(Buffer.from('Subject: x\r\n\r\nhello\r\n'))), CLEAN)
    assert.deepEqual(await clamd.scan(fromBuffer(eicar)), INFECTED)
    assert.deepEqual(await clamd.scan(mailWith(eicar)), INFECTED)
    assert.deepEqual(await clamd.scan(mailWith(gzipSync(eicar))), INFECTED)
    assert.deepEqual(await clamd.scan(mailWith(zipOf(eicar))), INFECTED)
    assert.deepEqual(await clamd.scan(mailWith(randomBytes(3_000_000))), CLEAN)
    assert.deepEqual(await clamd.scan(mailWith(eicar, 3_000_000)), INFECTED, 'in the last bytes of 4 MB')
  })
}

test('a real clamd at many scans at once answers each its own', { skip, timeout: 60_000 }, async (t) => {
  const { endpoint } = await startClamd(t, 'unix', ['MaxThreads 2'])
  const clamd = new Clamd({ endpoint, timeoutMs: 30_000 })
  const wanted = Array.from({ length: 40 }, (_, n) => (n % 3 === 0 ? INFECTED : CLEAN))
  const found = wanted.map((verdict, n) => clamd.scan(mailWith(Buffer.from(verdict === INFECTED ? EICAR : `harmless ${n}`))))
  assert.deepEqual(await Promise.all(found), wanted)
})

test('a message beyond a limit of a real clamd has no verdict', { skip, timeout: 120_000 }, async (t) => {
  const large = mailWith(randomBytes(1_500_000))
  for (const limit of ['StreamMaxLength 1M', 'MaxFileSize 1M', 'MaxScanSize 1M']) {
    const running = await startClamd(t, { port: await freePort() }, [limit])
    const clamd = new Clamd({ endpoint: running.endpoint, timeoutMs: 20_000 })
    assert.deepEqual(await clamd.scan(mailWith(Buffer.from('small'))), CLEAN, limit)
    await assert.rejects(
      clamd.scan(large),
      unscanned(/size limit exceeded|Heuristics\.Limits\.Exceeded|is it beyond StreamMaxLength/),
      limit,
    )
    await running.stop()
  }
})

test('a real clamd that would not tell of its limits is not trusted', { skip, timeout: 120_000 }, async (t) => {
  for (const setting of ['AlertExceedsMax no', 'ScanMail no', 'ScanArchive no']) {
    const running = await startClamd(t, 'unix', [setting])
    const clamd = new Clamd({ endpoint: running.endpoint, timeoutMs: 20_000 })
    await assert.rejects(clamd.scan(mailWith(Buffer.from('small'))), unscanned(/AlertExceedsMax/), setting)
    await running.stop()
  }
})

test('no verdict while clamd is stopped or frozen, and verdicts again after', { skip, timeout: 60_000 }, async (t) => {
  const real = await startClamd(t, 'unix')
  const clamd = new Clamd({ endpoint: real.endpoint, timeoutMs: 1000 })
  const mail = mailWith(Buffer.from(EICAR))
  assert.deepEqual(await clamd.scan(mail), INFECTED)
  real.freeze()
  await assert.rejects(clamd.scan(mail), unscanned(/no answer within 1 s/))
  real.thaw()
  assert.deepEqual(await clamd.scan(mail), INFECTED)
  await real.stop()
  await assert.rejects(clamd.scan(mail), unscanned(/ECONNREFUSED|ENOENT/))
  await real.start()
  assert.deepEqual(await clamd.scan(mail), INFECTED)
})

/** An archive with one compressed member. */
function zipOf(data: Buffer): Buffer {
  const packed = deflateRawSync(data)
  const name = Buffer.from('eicar.com')
  const common = Buffer.alloc(26)
  common.writeUInt16LE(20, 0)
  common.writeUInt16LE(8, 4)
  common.writeUInt32LE(crc32(data), 10)
  common.writeUInt32LE(packed.length, 14)
  common.writeUInt32LE(data.length, 18)
  common.writeUInt16LE(name.length, 22)
  const local = Buffer.concat([Buffer.from('PK\x03\x04', 'latin1'), common, name, packed])
  const entry = Buffer.concat([Buffer.from('PK\x01\x02\x14\0', 'latin1'), common, Buffer.alloc(14), name])
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(1, 8)
  end.writeUInt16LE(1, 10)
  end.writeUInt32LE(entry.length, 12)
  end.writeUInt32LE(local.length, 16)
  return Buffer.concat([local, entry, end])
}

function crc32(data: Buffer): number {
  let crc = 0xffffffff
  for (const byte of data) {
    crc ^= byte
    for (let bit = 0; bit < 8; bit++) crc = (crc >>> 1) ^ (crc & 1 ? 0xedb88320 : 0)
  }
  return (crc ^ 0xffffffff) >>> 0
}
