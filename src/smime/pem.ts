/** PEM files (RFC 7468): certificates, revocation lists and signatures, several to a file, mixed, or one in DER. */

export type PemLabel = 'CERTIFICATE' | 'X509 CRL' | 'PKCS7' | 'CMS'

const BLOCK = /-----BEGIN ([A-Z0-9 ]{1,40})-----([A-Za-z0-9+/=\s]*)-----END \1-----/g

/** The DER of every block with this label; a file without any PEM block is taken for DER, if it begins like a SEQUENCE. */
export function readPem(file: Buffer, label: PemLabel): Buffer[] {
  const blocks = [...file.toString('latin1').matchAll(BLOCK)]
  if (blocks.length === 0) return file[0] === 0x30 ? [file] : []
  return blocks.filter(([, found]) => found === label).map(([, , base64 = '']) => Buffer.from(base64, 'base64'))
}

export function writePem(der: Buffer, label: string): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? []
  return [`-----BEGIN ${label}-----`, ...lines, `-----END ${label}-----`, ''].join('\n')
}
