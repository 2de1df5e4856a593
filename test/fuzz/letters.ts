/** Whole messages to start from: ordinary ones, nested ones, bombs. */
import { SUBMITTED, crlf } from '../pec/messages.js'

const nested = (depth: number): string => {
  let inside = 'Content-Type: text/plain\n\nfondo'
  for (let level = depth; level > 0; level--)
    inside = `Content-Type: multipart/mixed; boundary=b${level}\n\n--b${level}\n${inside}\n--b${level}--\n`
  return inside
}

/** With a header that the formal checks would let through. */
const letter = (rest: string): Buffer =>
  crlf(
    `From: Ugo Rossi <ugo@pec-a.test>\nTo: livia@pec-b.test\nSubject: prova\nMessage-ID: <1@client.test>\nDate: Tue, 5 Nov 2024 10:00:00 +0100\nMIME-Version: 1.0\n${rest}`,
  )

const SIGNED = `Content-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary=s

--s
Content-Type: multipart/mixed; boundary=b

--b
Content-Type: text/plain; charset=iso-8859-1
Content-Transfer-Encoding: quoted-printable

Perch=E9=20
--b
Content-Type: application/pdf
Content-Disposition: attachment; filename*0*=utf-8''perizia%20; filename*1="tecnica.pdf"

%PDF-1.4
--b--
--s
Content-Type: application/pkcs7-signature; name=smime.p7s
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename=smime.p7s

MIIBAAYJKoZIhvcNAQcCoAA=
--s--
`

export const MESSAGES: readonly Buffer[] = [
  SUBMITTED,
  letter('Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit\n\nPerché no? 😀\n.\n..\nFrom qui\n'),
  letter(SIGNED),
  letter(`Reply-To: ${'ugo.rossi@pec-a.test,\n '.repeat(4000)}ugo@pec-a.test\n\ntesto\n`),
  letter(
    'Content-Type: multipart/mixed; boundary=b\n\npreambolo è\n--b\nContent-Type: message/rfc822\n\nSubject: dentro è\n\ncorpo è\n--b\nContent-Type: multipart/digest; boundary=d\n\n--d\n\nSubject: digest\n\nx\n--d--\n--b--\nepilogo è\n',
  ),
  letter(
    'Content-Type: application/pkcs7-mime; smime-type=signed-data; name=smime.p7m\nContent-Transfer-Encoding: base64\n\nMIIB\n',
  ),
  letter(nested(15)),
  letter(nested(17)),
  letter(`Content-Type: multipart/mixed; boundary=b\n\n${'--b\n\nx\n'.repeat(1001)}--b--\n`),
  letter(`Content-Type: multipart/mixed; boundary=b\n\n${'--bx\n'.repeat(2000)}--b\n\nx\n--b--\n`),
  letter(`\n${'è'.repeat(700)}\n${'x'.repeat(3000)}\n`),
  crlf('Subject: senza corpo\nFrom: a@b.test\n'),
  Buffer.from('Subject: a\0b\r\nX: \xff\r\n\r\n\0\xff bare\nline\rends\r\n', 'latin1'),
  Buffer.from('\r\nsolo corpo\r\n'),
  Buffer.alloc(0),
]
