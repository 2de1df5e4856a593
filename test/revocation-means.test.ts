import assert from 'node:assert/strict'
import { test } from 'node:test'
import { parseConfig } from '../src/config/config.js'
import { revocationMeans } from '../src/revocation-means.js'
import { CrlCache } from '../src/smime/crl.js'
import { OcspClient } from '../src/smime/ocsp.js'

test('lists and responders are asked as the settings say, and no list where none is named', () => {
  const provider = { name: 'A', domain: 'pec-a.test', receipts: 'ricevute@pec-a.test' }
  const [crls, ocsp] = [new CrlCache({ sources: [] }), new OcspClient()]
  for (const [trust, expected] of [
    [{ crl: 'a.pem' }, { crls, ocsp, first: 'crl', crlRequired: true }],
    [{ crl: '' }, { crls: undefined, ocsp, first: 'crl', crlRequired: true }],
    [
      { crl: 'a.pem', revocation: 'ocsp, crl', crl_required: 'false' },
      { crls, ocsp, first: 'ocsp', crlRequired: false },
    ],
    [
      { crl: 'a.pem', revocation: 'crl' },
      { crls, ocsp: undefined, first: 'crl', crlRequired: true },
    ],
    [
      { crl: 'a.pem', revocation: 'ocsp' },
      { crls: undefined, ocsp, first: 'ocsp', crlRequired: true },
    ],
  ] as const)
    assert.deepEqual(revocationMeans(parseConfig({ provider, trust }, '/instance'), crls, ocsp), expected)
})
