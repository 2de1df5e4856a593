// Time-stamping authorities as the settings name them.
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { test } from 'node:test'
import { openTimestamps } from '../../src/archive/open.js'
import { parseConfig } from '../../src/config/config.js'
import { OcspClient } from '../../src/smime/ocsp.js'
import { stampDigest } from '../../src/timestamp/client.js'
import { Laboratory } from '../harness/laboratory.js'
import { OcspResponder } from '../harness/ocsp.js'
import { startTsa } from '../harness/tsa.js'

test('the responder of an authority whose certificate is on no list is asked, unless [trust] revocation leaves responders out', async (t) => {
  const lab = new Laboratory(t)
  const folder = await lab.directory()
  const responder = await OcspResponder.listen()
  lab.atClose(() => responder.close())
  const { url, anchorsFile } = await startTsa(folder, (closing) => lab.atClose(closing), responder.url)
  const file = (name: string): Promise<string> => readFile(join(folder, name), 'utf8')
  await responder.answerBy({
    authority: { key: await file('authority.key'), certificate: await file('authority.pem') },
    certificates: [{ certificate: { key: '', certificate: await file('tsa.pem') }, revokedAt: new Date(Date.now() - 60_000) }],
    minutes: 10,
  })
  const provider = { name: 'A', domain: 'pec-a.test', receipts: 'ricevute@pec-a.test' }
  const stamped = async (revocation: string) => {
    const config = parseConfig({ provider, trust: { revocation }, timestamp: { urls: url, anchors: anchorsFile } }, folder)
    return stampDigest(Buffer.alloc(32), await openTimestamps(config, new OcspClient()))
  }
  assert.equal((await stamped('crl')).url, url)
  assert.equal(responder.requests, 0)
  await assert.rejects(stamped('crl, ocsp'), { name: 'PecError', code: 'timestamp', message: /Test TSA was revoked at/ })
})
