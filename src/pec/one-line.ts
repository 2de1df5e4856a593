/**
 * Text that came from outside, made fit to stand on one line of a header, a readable text or an XML document.
 */

const CONTROL = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/gu
const NOT_XML = /[\ud800-\udfff\ufffe\uffff]/gu
// Marks that turn the direction of writing around, or show nothing: they would make a text look like another.
const DECEPTIVE = /[\u061c\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu

/** Control characters and line ends become spaces, what XML 1.0 cannot hold U+FFFD; spaces at both ends go. */
export function oneLine(text: string): string {
  return trimSpaces(text.replace(CONTROL, ' ').replace(NOT_XML, '\ufffd'))
}

/** One line that people are to read, as it is: what would hide in it, or turn it around, becomes U+FFFD too. */
export function plainLine(text: string): string {
  return oneLine(text).replace(DECEPTIVE, '\ufffd')
}

/** Without the spaces, tabs and line ends around it. Other white space, such as a no-break space, is part of the text. */
function trimSpaces(text: string): string {
  let start = 0
  let end = text.length
  while (start < end && isSpace(text.charCodeAt(start))) start++
  while (end > start && isSpace(text.charCodeAt(end - 1))) end--
  return text.slice(start, end)
}

function isSpace(code: number): boolean {
  return code === 32 || code === 9 || code === 10 || code === 13
}
