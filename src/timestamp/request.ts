/** What a time-stamping authority is asked. RFC 3161 §2.4.1 */
import * as asn1js from 'asn1js'
import { randomBytes } from 'node:crypto'
import * as pkijs from 'pkijs'
import { OID } from '../smime/oids.js'

export interface TimestampRequest {
  /** DER. */
  readonly bytes: Buffer
  /** The INTEGER's contents, which the answer must repeat. */
  readonly nonce: Buffer
}

/** Asks for a stamp on a SHA-256 digest, with a nonce of its own, and for the authority's certificate to come along. */
export function newRequest(digest: Buffer): TimestampRequest {
  const nonce = randomBytes(16)
  // Positive, and without leading zeros: its contents in DER are these bytes.
  nonce.writeUInt8(((nonce[0] ?? 0) & 0x3f) | 0x40, 0)
  const request = new pkijs.TimeStampReq({
    version: 1,
    messageImprint: new pkijs.MessageImprint({
      hashAlgorithm: new pkijs.AlgorithmIdentifier({ algorithmId: OID.sha256, algorithmParams: new asn1js.Null() }),
      hashedMessage: new asn1js.OctetString({ valueHex: digest }),
    }),
    nonce: new asn1js.Integer({ valueHex: nonce }),
    certReq: true,
  })
  return { bytes: Buffer.from(request.toSchema().toBER()), nonce }
}
