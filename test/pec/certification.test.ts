import assert from 'node:assert/strict'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { MAX_TEXT, readCertification, writeCertification, type CertificationData } from '../../src/pec/certification.js'
import { oneLine } from '../../src/pec/one-line.js'

const DATA: CertificationData = {
  kind: 'delivery',
  error: 'none',
  sender: 'ugo@gestore.test',
  recipients: [
    { address: 'livia@altro.test', type: 'certified' },
    { address: 'carlo@posta.test', type: 'ordinary' },
  ],
  replyTo: 'ugo@gestore.test, due@gestore.test',
  subject: 'Perché & <no>?',
  provider: 'Gestore S.p.A.',
  day: '05/11/2024',
  hour: '10:00:00',
  zone: '+0100',
  identifier: 'pec1@gestore.test',
  clientMessageId: '<1@client.test>',
  receiptType: 'brief',
  delivery: 'livia@altro.test',
  takenInCharge: [],
  errorDetail: undefined,
}
const XML = writeCertification(DATA).toString('utf8')

const read = (xml: string | Buffer) => readCertification(Buffer.isBuffer(xml) ? xml : Buffer.from(xml, 'utf8'))

function dataIn(xml: string | Buffer): CertificationData {
  const verdict = read(xml)
  assert.ok(verdict.ok, JSON.stringify(verdict))
  return verdict.data
}

/** Text as it stands in a document that was read. */
const text = fc.string({ unit: 'binary', maxLength: 60 }).map(oneLine)
const address = fc
  .tuple(fc.stringMatching(/^[a-z.+]{1,20}$/), fc.stringMatching(/^[a-z]{1,10}\.test$/))
  .map((halves) => halves.join('@'))
const data: fc.Arbitrary<CertificationData> = fc.record(
  {
    kind: fc.constantFrom(
      'acceptance',
      'non-acceptance',
      'take-charge',
      'delivery',
      'non-delivery',
      'time-limit',
      'virus-detection',
      'transport',
    ),
    error: fc.constantFrom('none', 'no-recipient', 'no-domain', 'virus', 'other'),
    sender: address,
    recipients: fc.array(fc.record({ address, type: fc.constantFrom('certified', 'ordinary') }, { noNullPrototype: true }), {
      minLength: 1,
      maxLength: 5,
    }),
    replyTo: text,
    subject: fc.option(text, { nil: undefined }),
    provider: text,
    day: fc.constant('05/11/2024'),
    hour: fc.constant('10:00:00'),
    zone: fc.constantFrom('+0100', '+0200'),
    identifier: address,
    clientMessageId: fc.option(
      address.map((id) => `<${id}>`),
      { nil: undefined },
    ),
    receiptType: fc.constantFrom('complete', 'brief', 'concise', undefined),
    delivery: fc.option(address, { nil: undefined }),
    takenInCharge: fc.array(address, { maxLength: 3 }),
    errorDetail: fc.option(text, { nil: undefined }),
  },
  { noNullPrototype: true },
)

test('what is written is read back', () => {
  fc.assert(fc.property(data, (written) => assert.deepEqual(dataIn(writeCertification(written)), written)))
})

test('no subject, however hostile, changes anything but the subject', () => {
  fc.assert(
    fc.property(fc.string({ unit: 'binary' }), (subject) => {
      assert.deepEqual(dataIn(writeCertification({ ...DATA, subject })), { ...DATA, subject: oneLine(subject) })
    }),
  )
})

describe('tolerates', () => {
  for (const [what, xml] of Object.entries({
    'a DOCTYPE that names a DTD by URL': XML.replace(
      '<postacert',
      '<!DOCTYPE postacert PUBLIC "pec" "https://dtd.test/p.dtd"><postacert',
    ),
    'stray text between elements': XML.replace('</risposte>', '</risposte>a'),
    'a processing instruction and comments': XML.replace('<postacert', '<?xml-stylesheet href="x"?><!-- & --><postacert'),
    'white space before the declaration': `\r\n ${XML}`,
    'a byte order mark': `\ufeff${XML}`,
    'no declaration': XML.slice(XML.indexOf('<postacert')),
    'LF and indents': XML.replace(/\r\n/g, '\n    '),
    'values of attributes in capitals': XML.replace('avvenuta-consegna', 'AVVENUTA-CONSEGNA').replace('breve', 'Breve'),
    'attributes it does not know': XML.replace('<postacert', '<postacert versione="2"'),
    CDATA: XML.replace('Gestore S.p.A.', '<![CDATA[Gestore S.p.A.]]>'),
  })) {
    test(what, () => assert.deepEqual(dataIn(xml), DATA))
  }

  test('ISO-8859-1', () => {
    const latin1 = Buffer.from(XML.replace('UTF-8', 'ISO-8859-1'), 'latin1')
    assert.deepEqual(dataIn(latin1), DATA)
  })

  test('attributes left to their defaults', () => {
    const { error, recipients } = dataIn(XML.replace(/ errore="nessuno"/, '').replace(' tipo="certificato"', ''))
    assert.deepEqual([error, recipients], ['none', DATA.recipients])
  })
})

describe('refuses', () => {
  const laughs = '<!DOCTYPE p [<!ENTITY a "ha"><!ENTITY b "&a;&a;">]><postacert'
  const without = (element: string) => XML.replace(new RegExp(`<${element}>.*</${element}>\r\n`), '')
  for (const [what, xml, reason] of [
    ['text that is no XML', 'tipo: posta-certificata & altro', /not well-formed/],
    ['nothing', '', /not well-formed|no element/],
    ['a document cut short', XML.slice(0, -20), /not well-formed/],
    ['entities declared', XML.replace('<postacert', laughs), /entities/],
    [
      'an external entity',
      XML.replace('<postacert', '<!DOCTYPE p [<!ENTITY f SYSTEM "file:///etc/passwd">]><postacert'),
      /entities/,
    ],
    ['a reference to an entity', XML.replace('Perché', '&eacute;'), /not well-formed/],
    ['a reference to a member of every object', XML.replace('Perché', '&constructor;'), /not well-formed/],
    ['another encoding', XML.replace('UTF-8', 'UTF-16'), /encoded in utf-16/],
    ['bytes that are not UTF-8', Buffer.from(XML, 'latin1'), /not UTF-8/],
    ['another root', XML.replace(/postacert/g, 'ricevuta'), /in place of postacert/],
    ['an unknown tipo', XML.replace('avvenuta-consegna', 'certificazione'), /tipo of postacert is unknown/],
    ['no tipo', XML.replace(' tipo="avvenuta-consegna"', ''), /tipo of postacert is missing/],
    ['an unknown errore', XML.replace('"nessuno"', '"boh"'), /errore/],
    ['no sender', without('mittente'), /mittente is missing/],
    ['no recipients', XML.replace(/<destinatari.*\r\n/g, ''), /destinatari is missing/],
    ['no identifier', without('identificativo'), /identificativo is missing/],
    ['an empty identifier', XML.replace('pec1@gestore.test', ' '), /not an identifier/],
    ['two identifiers', XML.replace(/<identificativo>.*\r\n/, '$&$&'), /more than 1 identificativo/],
    ['elements in another order', XML.replace(/(<consegna>.*)(\r\n<\/dati>)/, '$1<msgid>a</msgid>$2'), /msgid is out of place/],
    ['an element of its own', XML.replace('</dati>', '<extra/></dati>'), /extra is out of place/],
    ['an element in a value', XML.replace('Perché', '<b/>'), /b is out of place in oggetto/],
    ['a sender that is no address', XML.replace('ugo@gestore.test<', 'ugo<'), /mittente is not a mail address/],
    ['an address in angle brackets', XML.replace('>ugo@gestore.test<', '>&lt;ugo@gestore.test&gt;<'), /mittente/],
    ['a day that does not exist', XML.replace('05/11', '31/11'), /tell no time/],
    ['elements nested deep', XML.replace('Perché', '<b>'.repeat(9)), /deeper/],
    ['a value too long', XML.replace('Gestore S.p.A.', 'x'.repeat(5000)), /longer than 4096/],
    ['a subject too long', XML.replace('Perché', 'x'.repeat(MAX_TEXT)), /longer than/],
    ['an attribute too long', XML.replace('+0100', '0'.repeat(MAX_TEXT + 1)), /too long/],
    ['too many recipients', XML.replace(/<destinatari.*\r\n/, (line) => line.repeat(10_000)), /more than 10000/],
    ['too many elements', XML.replace(/<destinatari.*\r\n/, (line) => line.repeat(25_000)), /more than 20100 elements/],
    [
      'too many attributes',
      XML.replace('<oggetto>', `<oggetto${Array.from({ length: 25_000 }, (_, n) => ` a${n}=""`).join('')}>`),
      /more than 20100 attributes/,
    ],
  ] as const) {
    test(what, () => {
      const verdict = read(xml)
      assert.ok(!verdict.ok)
      assert.match(verdict.reason, reason)
    })
  }

  test('never throws on mutilated documents', () => {
    fc.assert(
      fc.property(fc.nat(XML.length), fc.nat(40), fc.string({ maxLength: 10 }), (at, length, inserted) => {
        assert.equal(typeof read(XML.slice(0, at) + inserted + XML.slice(at + length)).ok, 'boolean')
      }),
    )
  })
})

const SAMPLES = join(__dirname, '..', '..', '..', 'shared', 'samples')

test(
  'reads the data of providers in service',
  { skip: existsSync(SAMPLES) ? false : 'the samples are not beside the repository' },
  () => {
    for (const [file, provider] of [
      ['aruba-accettazione.eml', 'ARUBA PEC S.p.A.'],
      ['sogei-busta-trasporto.eml', 'Sogei SpA'],
    ] as const) {
      const base64 = /daticert\.xml"\r?\nContent-Transfer-Encoding: base64\r?\n\r?\n([A-Za-z0-9+/=\r\n]+)/.exec(
        readFileSync(join(SAMPLES, file), 'latin1'),
      )?.[1]
      assert.equal(dataIn(Buffer.from(base64 ?? '', 'base64')).provider, provider)
    }
  },
)
