/** Answers of OCSP responders: read or refused, and never another word than what was signed. */
import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { issueAuthority, issueProviderCertificate, type KeyAndCertificate } from '../../../src/smime/issue.js'
import { knownCertificate, type KnownCertificate } from '../../../src/smime/known-certificates.js'
import { readOcspResponse, writeOcspRequest } from '../../../src/smime/ocsp-message.js'
import { databaseLine } from '../../harness/ocsp.js'
import { derOf, openssl, temporaryDirectory, writeFiles } from '../../smime/fixtures.js'
import type { Target } from '../target.js'

const NONCE = Buffer.alloc(16, 7)

export async function ocspTarget(): Promise<Target> {
  const authority = await issueAuthority({ name: 'Prova CA', keyKind: 'p-256' })
  const holder = { providerName: 'Gestore S.p.A.', address: 'posta-certificata@gestore.test' }
  const leaf = await issueProviderCertificate({ authority, ...holder, keyKind: 'p-256' })
  const questioned = { subject: known(leaf), issuer: known(authority) }
  const folder = await temporaryDirectory()
  const path = (name: string): string => join(folder, name)
  await writeFiles(folder, {
    'request.der': writeOcspRequest(questioned, NONCE),
    'index.txt': databaseLine({ certificate: leaf }),
    'ca.pem': authority.certificate,
    'key.pem': authority.key,
  })
  const signing = ['-index', path('index.txt'), '-CA', path('ca.pem'), '-rsigner', path('ca.pem'), '-rkey', path('key.pem')]
  const answers: readonly (readonly string[])[] = [['-ndays', '30'], ['-ndays', '30', '-resp_key_id', '-resp_no_certs'], []]
  const corpus: Buffer[] = []
  for (const options of answers) {
    await openssl('ocsp', ...signing, ...options, '-reqin', path('request.der'), '-respout', path('response.der'))
    corpus.push(await readFile(path('response.der')))
  }
  const run = async (input: Buffer): Promise<void> => {
    const answer = await readOcspResponse(input, questioned, NONCE, new Date()).catch((error: unknown) => {
      assert.ok(error instanceof Error)
      return undefined
    })
    if (answer !== undefined) assert.deepEqual([answer.status, answer.delegate], ['good', undefined])
  }
  return { name: 'ocsp', cases: 1500, corpus, format: 'der', run }
}

function known(certificate: KeyAndCertificate): KnownCertificate {
  return knownCertificate(derOf(certificate)) ?? assert.fail()
}
