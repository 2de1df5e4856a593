/** daticert.xml from anybody: read within bounds, never fetching or expanding anything, and what is read can be written again. */
import assert from 'node:assert/strict'
import { readFileSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readCertification, writeCertification } from '../../../src/pec/certification.js'
import type { Target } from '../target.js'

const GOLDEN = join(__dirname, '..', '..', 'golden')

const plain = `<?xml version="1.0" encoding="UTF-8"?>
<postacert tipo="posta-certificata" errore="nessuno">
<intestazione><mittente>ugo@pec-a.test</mittente><destinatari tipo="certificato">livia@pec-b.test</destinatari><risposte>ugo@pec-a.test</risposte><oggetto>Perizia &amp; altro</oggetto></intestazione>
<dati><gestore-emittente>Gestore</gestore-emittente><data zona="+0100"><giorno>05/11/2024</giorno><ora>10:00:00</ora></data><identificativo>id@pec-a.test</identificativo><msgid>&lt;1@x&gt;</msgid><ricevuta tipo="completa"/></dati>
</postacert>`

const withDoctype = (doctype: string, subject = '&a;'): string =>
  plain.replace('\n<postacert', `\n<!DOCTYPE postacert ${doctype}>\n<postacert`).replace('Perizia &amp; altro', subject)

const laughs = Array.from({ length: 9 }, (_, at) => `<!ENTITY l${at + 1} "${`&l${at};`.repeat(10)}">`).join('')

/** Each would make a reader that expands entities fetch something, or grow. */
export const XML_ATTACKS: readonly string[] = [
  withDoctype('[<!ENTITY a SYSTEM "file:///etc/passwd">]'),
  withDoctype('[<!ENTITY a PUBLIC "x" "http://127.0.0.1:9/">]'),
  withDoctype('[<!ENTITY % p SYSTEM "http://127.0.0.1:9/x.dtd"> %p;]', 'x'),
  withDoctype(`[<!ENTITY l0 "ha">${laughs}]`, '&l9;'),
  withDoctype('[<!ENTITY a "&b;"><!ENTITY b "&a;">]'),
  withDoctype('[<!EntitY a "x">]'),
  withDoctype('[<!ATTLIST oggetto a CDATA "&b;">]'),
]

export function certificationTarget(): Target {
  const golden = readdirSync(GOLDEN).flatMap((name) => {
    const base64 = /name="daticert.xml"[^]*?\r\n\r\n([A-Za-z0-9+/=\r\n]+)/.exec(readFileSync(join(GOLDEN, name), 'latin1'))
    return base64?.[1] === undefined ? [] : [Buffer.from(base64[1], 'base64')]
  })
  const odd = [
    withDoctype('SYSTEM "http://127.0.0.1:9/postacert.dtd"', 'x'),
    plain.replace('Perizia', '<![CDATA[<Perizia> ]]>&#8364;&#x10FFFF;'),
    plain.replace('tipo="posta', `x="${'y'.repeat(70_000)}" tipo="posta`),
    plain.replace('<oggetto>', '<oggetto>'.repeat(2000)),
  ]
  const corpus = [...golden, ...[plain, ...odd, ...XML_ATTACKS].map((xml) => Buffer.from(xml))]
  corpus.push(Buffer.from(plain.replace('UTF-8', 'ISO-8859-1').replace('Perizia', 'Perché'), 'latin1'))
  return { name: 'certification', corpus, words: WORDS, run }
}

const WORDS = [
  ...[
    '<!DOCTYPE a [',
    '<!ENTITY a "b">',
    ']>',
    '&a;',
    '&#0;',
    '&#xD800;',
    '&#x1F600;',
    '<![CDATA[',
    ']]>',
    '<!--',
    '-->',
    '<?x ?>',
    '</',
    '/>',
  ],
  ...[
    '<postacert>',
    '<destinatari tipo="esterno">a@b.test</destinatari>',
    '<ricezione>',
    'encoding="utf-16"',
    'xmlns:x="y"',
    'tipo="',
    'errore="virus"',
  ],
  ...['<errore-esteso>', '<consegna>a@b.test</consegna>', '31/02/2024', '24:00:60', '+9999'],
]

function run(input: Buffer): void {
  const verdict = readCertification(input)
  if (!verdict.ok) {
    assert.ok(verdict.reason.length < 10_000)
    return
  }
  const { data } = verdict
  // Whoever declares entities is refused, so nothing that was read came out of one.
  assert.doesNotMatch(input.toString('latin1').replace(/<!\[CDATA\[[^]*?\]\]>|<!--[^]*?-->|<\?[^]*?\?>/g, ''), /<!ENTITY\s/)
  for (const text of Object.values(data)
    .flat()
    .filter((value) => typeof value === 'string'))
    assert.doesNotMatch(text, /[\p{Cc}]/u)
  assert.doesNotMatch(data.identifier, /[\s<>]/)
  const again = readCertification(writeCertification(data))
  assert.deepEqual(again, verdict)
}
