/** Headers and their values to start from: right ones, odd ones, hostile ones. */
const text = (value: string): Buffer => Buffer.from(value, 'utf8')

export const HEADER_WORDS = [
  ...['Subject: ', 'From: ', 'To: ', 'Bcc: x@y.test\r\n', 'X-Trasporto: posta-certificata\r\n', 'Message-ID: <a@b>\r\n'],
  ...['=?utf-8?q?=0D=0ABcc:_x?=', '=?utf-8?B?DQpCY2M6IHg=?=', '=?iso-8859-1?q?=E8?=', '=?utf-7?q?+AA0ACg-?=', '=?x?b?====?='],
  ...[
    '=?utf-16?b?AA0ACg==?=',
    '=?iso-2022-jp?b?GyRC?=',
    '=?utf-8*it?q?a?=',
    '"Per conto di: ',
    ' <',
    '> ',
    '\\"',
    '(((',
    '@a,@b:',
  ],
]

export const HEADERS: readonly Buffer[] = [
  'From: "Rossi, Ugo" <ugo@pec-a.test>\r\nTo: livia@pec-b.test,\r\n\tcarlo@pec-b.test\r\nSubject: =?utf-8?q?Perizia_=E2=82=AC?=\r\n e altro\r\n',
  'X-Trasporto : posta-certificata\r\nX-Ricevuta:\r\nno field\r\n: empty name\r\nSubject:\r\n \r\n\t\r\n',
  'Subject: Perché no\r\nSubject: \xff\xfe\r\n__proto__: 1\r\nconstructor: 2\r\n',
  'Received: from a by b; Tue, 5 Nov 2024 10:00:00 +0100\r\nSubject: bare\rCR and bare\nLF\r\n',
  `Subject: ${'a'.repeat(1200)}\r\nTo: ${' '.repeat(2000)}\r\n`,
  `Subject: ${'=?utf-8?q?x?= '.repeat(80)}\r\n`,
  '',
].map(text)

export const ADDRESS_LISTS: readonly Buffer[] = [
  'ugo@pec-a.test',
  '"Rossi, \\"Ugo\\"" <ugo@pec-a.test>, livia@pec-b.test (Livia (con) \\) commenti), <carlo@pec-b.test>',
  'Gruppo: a@b.test, "c d"@e.test;, undisclosed-recipients:;',
  '=?utf-8?q?Per_conto_di=3A_x=40y?= <posta-certificata@pec-a.test>',
  '<@relay.test,@other.test:ugo@pec-a.test>, ugo@[192.0.2.1], ugo . rossi @ pec-a . test',
  'a@b@c.test, @x.test, x@, <>, "unclosed <a@b.test>, (unclosed',
  '=?utf-8?q?=22=3E_=3Cevil=40x.test?= <a@b.test>',
  `${'('.repeat(300)}a@b.test${')'.repeat(300)}`,
  'a@b.test, '.repeat(200),
].map(text)

export const SUBJECTS: readonly Buffer[] = [
  'Oggetto semplice',
  'Perché 10 € e 😀?',
  '=?utf-8?q?Perizia_=E2=82=AC?= =?utf-8?b?4oKs?= =?iso-8859-15?q?=A4?= fine',
  '=?utf-8?q?=E2=82?= =?utf-8?q?=AC?=',
  '=?utf-8?q?=0D=0ABcc:_x=40y.test?=',
  '=?utf-16le?b?DQAKAA==?= =?utf-7?q?+AA0ACg-?= =?iso-2022-jp?b?GyRCJDMbKEI=?=',
  '=?unknown?q?a?= =?utf-8?x?a?= =?base64?b?AAAA?= =?hex?q?00?=',
  `=?utf-8?q?${'=C3=A8'.repeat(100)}?=`,
  '\u202eabc\u2028\u0085\u0000\ud83d',
  `${'è'.repeat(500)} ${'x'.repeat(1500)}`,
].map(text)

export const CONTENT_WORDS = [
  ...['Content-Type: ', 'multipart/mixed; boundary=', 'multipart/signed', 'message/rfc822', 'text/plain', 'application/pdf'],
  ...[
    'boundary="',
    '; name=',
    '; filename="x.pdf"',
    "*=utf-8''",
    '*0=',
    '*0*=',
    '*1=',
    '*999=',
    "name*0*=utf-8''%0D%0A",
    '%0d%0a',
    '%',
  ],
  ...[
    '--b',
    '--b--',
    '\r\n--b\r\n',
    '\r\n--b--\r\n',
    '--',
    'Content-Transfer-Encoding: base64\r\n',
    'quoted-printable',
    '8bit',
    'binary',
  ],
  ...['Content-Disposition: attachment; filename=', 'charset=utf-16', 'charset=utf-7', 'charset=utf-32', 'charset=hz-gb-2312'],
]

export const CONTENT_TYPES: readonly Buffer[] = [
  'text/plain; charset=utf-8',
  'multipart/mixed; boundary="=_parti"; charset="iso-8859-1" (comment)',
  'attachment; filename*0*=utf-8\'\'perizia%20; filename*1="tecnica"; filename*2*=%E2%82%AC.pdf',
  'attachment; filename="fallback.pdf"; filename*=iso-8859-1\'it\'%E8.pdf',
  'attachment; filename="a \\"b\\" \\\\ c.pdf"; filename="second"; size=10',
  "attachment; filename*=utf-8''%0D%0ABcc:%20x%40y.test",
  'application/octet-stream; name="=?utf-8?q?Perizia=2Epdf?="; name*1000=x; *=y; =z; ;;;',
  `attachment; ${Array.from({ length: 300 }, (_, at) => `filename*${at}=a`).join('; ')}`,
  'ATTACHMENT ; FileName = "../../etc/passwd" ; x="unclosed; y=1',
].map(text)
