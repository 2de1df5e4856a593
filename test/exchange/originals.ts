/** Messages as users write them, of every shape that a delivery receipt must cope with. */

export const crlf = (text: string): Buffer => Buffer.from(text.replace(/\r?\n/g, '\r\n'), 'utf8')

export interface Addresses {
  readonly from: string
  readonly to: readonly string[]
  readonly cc?: readonly string[]
}

/** A message with header and body; `more` are header lines, among them those of MIME. */
export function original({ from, to, cc = [] }: Addresses, subject: string, more: string, body: string): Buffer {
  const header = [
    `From: ${from}`,
    ...(to.length === 0 ? [] : [`To: ${to.join(', ')}`]),
    ...(cc.length === 0 ? [] : [`Cc: ${cc.join(', ')}`]),
    `Subject: ${subject}`,
    ...(more === '' ? [] : [more]),
  ]
  return crlf(`${header.join('\n')}\n\n${body}`)
}

/** Header lines and body. */
export type Shape = readonly [more: string, body: string]

export const PLAIN: Shape = ['MIME-Version: 1.0\nContent-Type: text/plain', 'Buongiorno\n.una riga con il punto\n']

/** As long as a line may be: Haraka breaks them, with their signatures, unless it is told not to. */
export const LONG_LINES: Shape = ['MIME-Version: 1.0\nContent-Type: text/plain', `${'x'.repeat(998)}\n`.repeat(3)]

export const EIGHT_BIT: Shape = [
  'MIME-Version: 1.0\nContent-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: 8bit',
  'Perché così? Già, è più semplice: 12 €\n',
]

const ATTACHMENT = `Content-Type: application/pdf; name="offerta.pdf"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="offerta.pdf"

JVBERi0xLjQgcHJvdmE=
`

export const WITH_ATTACHMENT: Shape = [
  'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="a"',
  `--a\nContent-Type: text/plain\n\nIn allegato.\n--a\n${ATTACHMENT}--a--\n`,
]

const NESTED = `From: chiunque@posta.test
Subject: un altro messaggio
MIME-Version: 1.0
Content-Type: multipart/mixed; boundary="c"

--c
Content-Type: text/plain

dentro
--c
Content-Type: text/csv; name="dentro.csv"

1;2
--c--
`

export const WITH_MESSAGE: Shape = [
  'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"',
  `--b\nContent-Type: text/plain\n\nInoltro.\n--b\nContent-Type: message/rfc822\n\n${NESTED}\n--b--\n`,
]

/** Multiparts within multiparts, names in every spelling, and parts whose name is only in Content-Type. */
export const DEEP: Shape = [
  'MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="d1"',
  `--d1
Content-Type: multipart/related; boundary="d2"; name="fascicolo"

--d2
Content-Type: multipart/alternative; boundary="d3"

--d3
Content-Type: text/plain

testo
--d3
Content-Type: text/html

<p>testo</p>
--d3--
--d2
Content-Type: image/png; name="logo.png"
Content-Transfer-Encoding: base64
Content-ID: <logo@posta.test>

iVBORw0KGgo=
--d2--

--d1
Content-Type: application/octet-stream
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename*0*=utf-8''relazione%20sulla%20; filename*1*=citt%C3%A0.bin

AAEC
--d1
Content-Type: text/plain; name="=?utf-8?q?perch=C3=A9.txt?="
Content-Transfer-Encoding: quoted-printable

perch=C3=A9
--d1
Content-Type: message/rfc822; name="inoltrato.eml"

${NESTED}
--d1--
`,
]

const SIGNATURE = `Content-Type: application/pkcs7-signature; name="smime.p7s"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="smime.p7s"

MIIBAAAA
`

export const SIGNED: Shape = [
  'MIME-Version: 1.0\nContent-Type: multipart/signed; protocol="application/pkcs7-signature"; micalg=sha-256; boundary="s"',
  `--s
Content-Type: multipart/mixed; boundary="s2"

--s2
Content-Type: text/plain

firmato
--s2
${ATTACHMENT}--s2--

--s
${SIGNATURE}--s--
`,
]

export const ENCLOSED: Shape = [
  `MIME-Version: 1.0
Content-Type: application/pkcs7-mime; smime-type=signed-data; name="smime.p7m"
Content-Transfer-Encoding: base64
Content-Disposition: attachment; filename="smime.p7m"`,
  'MIIBAAAA\n',
]

/** The whole message is one named part. */
export const ONE_PART: Shape = [
  'MIME-Version: 1.0\nContent-Type: application/xml; name="fattura.xml"\nContent-Transfer-Encoding: base64',
  'PGZhdHR1cmEvPg==\n',
]
