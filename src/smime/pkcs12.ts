/** PKCS#12 files (RFC 7292), read once at the start: the one place where node-forge is used, which blocks while it works. */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import forge from 'node-forge'

export interface Pkcs12 {
  readonly key: KeyObject
  /** DER, in the order of the file. */
  readonly certificates: readonly Buffer[]
}

/** Throws an Error that says what is wrong with the file or the passphrase. */
export function readPkcs12(file: Buffer, passphrase: string): Pkcs12 {
  const asn1 = forge.asn1.fromDer(forge.util.createBuffer(file.toString('latin1')))
  const bags = forge.pkcs12.pkcs12FromAsn1(asn1, passphrase).safeContents.flatMap((contents) => contents.safeBags)
  const ofType = (...types: (string | undefined)[]) => bags.filter((bag) => types.includes(bag.type))
  const keys = ofType(forge.pki.oids.pkcs8ShroudedKeyBag, forge.pki.oids.keyBag)
  const [keyBag] = keys
  if (keyBag === undefined || keys.length > 1) throw new Error(`${keys.length} keys in the PKCS#12 file, not one`)
  return { key: keyOf(keyBag), certificates: ofType(forge.pki.oids.certBag).map(certificateOf) }
}

/** node-forge understands RSA only; other keys and certificates it leaves as the ASN.1 they are. */
function keyOf(bag: forge.pkcs12.Bag): KeyObject {
  const info = bag.key ? forge.pki.wrapRsaPrivateKey(forge.pki.privateKeyToAsn1(bag.key)) : bag.asn1
  return createPrivateKey({ key: toDer(info), format: 'der', type: 'pkcs8' })
}

function certificateOf(bag: forge.pkcs12.Bag): Buffer {
  return toDer(bag.cert ? forge.pki.certificateToAsn1(bag.cert) : bag.asn1)
}

function toDer(asn1: forge.asn1.Asn1): Buffer {
  return Buffer.from(forge.asn1.toDer(asn1).getBytes(), 'latin1')
}
