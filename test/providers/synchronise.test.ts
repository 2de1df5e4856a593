import assert from 'node:assert/strict'
import { readFile, readdir, rm, stat, writeFile } from 'node:fs/promises'
import { after, before, beforeEach, describe, test } from 'node:test'
import { isPecError, PecError } from '../../src/errors.js'
import { describeChange } from '../../src/providers/index-changes.js'
import { writePem } from '../../src/smime/pem.js'
import { openssl, run } from '../smime/fixtures.js'
import { Centre } from './centre.js'

describe('the index of providers, synchronised with the centre', () => {
  let centre: Centre
  const B = { name: 'Provider B', domains: ['b.test'] }
  const C = { name: 'Provider C', domains: ['c.test'] }

  before(async () => {
    centre = await Centre.open()
  })
  after(() => centre.close())
  beforeEach(() => centre.have(B))

  /** Refused with these words; our copy and the register stay as they were. */
  async function refuses(pattern: RegExp, temporary: boolean, synchroniser = centre.synchroniser()): Promise<void> {
    const present = await readFile(centre.file)
    await assert.rejects(synchroniser.run(), (error: unknown) => {
      assert.ok(isPecError(error) && error.code === 'index', String(error))
      assert.match(error.message, pattern)
      return error.temporary === temporary
    })
    assert.deepEqual(await readFile(centre.file), present)
    assert.deepEqual(centre.registered, [])
  }

  test('is taken over whole, each change registered, our own record as we have it', async () => {
    const ours = { name: 'Ours', domains: ['elsewhere.test'] }
    centre.serve(await centre.signed(centre.ldif({ ...B, domains: ['b.test', 'more.test'] }, C, ours)))
    const { changes, ownDifferences, records } = await centre.synchroniser().run()
    assert.deepEqual(await centre.domains(), ['b.test', 'c.test', 'more.test', 'ours.test'])
    assert.equal(records, 3)
    assert.deepEqual(centre.registered, changes.map(describeChange))
    assert.equal(centre.registered[0], 'Provider B: domains added: more.test')
    assert.match(
      centre.registered[1] ?? '',
      /^Provider C: added; domains added: c\.test; certificates added: [0-9a-f]{40}; receipts/,
    )
    assert.match(ownDifferences.map(describeChange).join(), /^Ours: domains added: elsewhere\.test; domains removed: ours\.test/)
    assert.equal((await stat(centre.file)).mode & 0o777, 0o644)
    assert.deepEqual((await readdir(centre.folder)).sort(), ['index.ldif', 'index.ldif.received'])
  })

  test('brings nothing when it is the same, and is young again', async () => {
    const synchroniser = centre.synchroniser()
    assert.equal(await synchroniser.lastAt(), undefined)
    centre.serve(await centre.signed(centre.ldif(B)))
    assert.deepEqual((await synchroniser.run()).changes, [])
    assert.deepEqual((await synchroniser.run()).changes, [])
    assert.ok(Math.abs(Date.now() - ((await synchroniser.lastAt())?.getTime() ?? 0)) < 60_000)
  })

  test('may come as PEM, as base64, and from openssl in BER', async () => {
    const der = await centre.signed(centre.ldif(B, C))
    const files = ['ldif', 'key', 'cert', 'p7m'].map((name) => `${centre.folder}/${name}.tmp`)
    const [ldif = '', key = '', cert = '', p7m = ''] = files
    await writeFile(ldif, centre.ldif(B, C))
    await writeFile(key, centre.signer.key)
    await writeFile(cert, centre.signer.certificate)
    const signing = ['-sign', '-binary', '-nodetach', '-stream', '-signer', cert, '-inkey', key, '-in', ldif]
    await openssl('cms', ...signing, '-outform', 'DER', '-out', p7m)
    const theirs = await readFile(p7m)
    for (const file of files) await rm(file)
    const clock = () => new Date()
    for (const body of [Buffer.from(writePem(der, 'PKCS7')), Buffer.from(der.toString('base64')), theirs]) {
      await centre.have(B)
      centre.serve(body)
      await centre.synchroniser({}, { clock }).run()
      assert.deepEqual(await centre.domains(), ['b.test', 'c.test', 'ours.test'])
    }
  })

  test('is refused when a byte of it was changed, when nobody signed it, or somebody else did', async () => {
    const tampered = await centre.signed(centre.ldif(B, C))
    tampered[tampered.indexOf('c.test')] = 'd'.charCodeAt(0)
    centre.serve(tampered)
    await refuses(/signature does not hold \(content-altered\)/, false)
    centre.serve(centre.ldif(B, C))
    await refuses(/neither DER nor PEM nor base64/, false)
    centre.serve(await centre.signed(centre.ldif(B, C), { by: centre.other }))
    await refuses(/somebody who may not sign it/, false)
  })

  test('is refused when it is older than the one that we have, or from the future', async () => {
    const at = (day: number) => ({ at: new Date(`2026-05-0${day}T00:00:00Z`) })
    centre.serve(await centre.signed(centre.ldif(B, C), at(2)))
    await centre.synchroniser().run()
    centre.registered.length = 0
    centre.serve(await centre.signed(centre.ldif(B), at(1)))
    await refuses(/signed at 2026-05-01.*before the one that we have/, false)
    centre.serve(await centre.signed(centre.ldif(B, C), { at: new Date('2026-06-04T00:00:00Z') }))
    await refuses(/still to come/, false)
  })

  test('is refused when much of it is gone, unless somebody says that it may', async () => {
    await centre.have(B, C)
    centre.serve(await centre.signed(centre.ldif(B)))
    await refuses(/1 of 2 providers are gone, more than 20 percent/, false)
    await centre.synchroniser().run(true)
    assert.deepEqual(await centre.domains(), ['b.test', 'ours.test'])
    assert.match(centre.registered.join(), /^Provider C: removed; domains removed: c\.test/)
    centre.serve(await centre.signed(Buffer.from('dn: o=postacert\nobjectClass: organization\n')))
    await assert.rejects(centre.synchroniser().run(true), /lists no other provider/)
  })

  test('is refused when it is cut, huge or slow, and when there is none', async () => {
    const whole = await centre.signed(centre.ldif(B, C))
    centre.answer = (_, response) => {
      response.writeHead(200, { 'content-length': whole.length })
      response.write(whole.subarray(0, 500), () => response.destroy())
    }
    await refuses(/^https:.*(aborted|ECONNRESET|hang up)/, true)
    centre.serve(whole.subarray(0, 500))
    await refuses(/signature does not hold \(malformed\)/, false)
    centre.serve(whole)
    await refuses(/larger than 1000 bytes/, true, centre.synchroniser({ maxSize: 1000 }))
    centre.answer = (_, response) => void response.write('slow')
    await refuses(/timeout after 0\.5 s/, true, centre.synchroniser({ timeout: 500 }))
    centre.answer = (_, response) => response.writeHead(503).end()
    await refuses(/HTTP status 503/, true)
  })

  test('is given to those only that the centre knows', async () => {
    centre.serve(await centre.signed(centre.ldif(B, C)))
    await refuses(/./, true, centre.synchroniser({ tls: { ca: Buffer.from(centre.authority.certificate) } }))
    const { key, cert } = centre.means.tls
    await refuses(/certificate/, true, centre.synchroniser({ tls: { key, cert } }))
  })

  test('stays as it is when the changes cannot be registered', async () => {
    centre.serve(await centre.signed(centre.ldif(B, C)))
    const register = () => Promise.reject(new PecError('ledger', 'away', { temporary: true }))
    await assert.rejects(centre.synchroniser({}, { register }).run(), /away/)
    assert.deepEqual(await centre.domains(), ['b.test', 'ours.test'])
    assert.equal(await centre.synchroniser().lastAt(), undefined)
  })

  test('is what openssl takes for signed, as we publish it', async () => {
    const [p7m, ca, out] = [`${centre.folder}/own.p7m`, `${centre.folder}/ca.pem`, `${centre.folder}/own.ldif`]
    const ldif = centre.ldif(B)
    await writeFile(p7m, await centre.signed(ldif))
    await writeFile(ca, centre.authority.certificate)
    const verify = ['-verify', '-binary', '-inform', 'DER', '-in', p7m, '-CAfile', ca, '-out', out]
    assert.ok((await run('openssl', 'cms', ...verify)).ok)
    assert.deepEqual(await readFile(out), ldif)
    for (const file of [p7m, ca, out]) await rm(file)
  })
})
