// Builds static/vendor from the pinned packages. For maintainers only:
//   IBM_TELEMETRY_DISABLED=true npm ci --ignore-scripts && npm run vendor
// (--ignore-scripts: the packages' install scripts start a telemetry process.)
// Everything it writes is committed, so users of the portal need no Node.
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import * as sass from 'sass';

const top = join(dirname(fileURLToPath(import.meta.url)), '..');
const modules = join(top, 'node_modules');
const out = join(top, 'static', 'vendor');
const version = (name) => JSON.parse(readFileSync(join(modules, name, 'package.json'), 'utf8')).version;

rmSync(out, { recursive: true, force: true });
mkdirSync(join(out, 'plex'), { recursive: true });
mkdirSync(join(out, 'licences'));

// 1. htmx, as it comes (without the pointer to a source map that is not shipped)
const htmx = readFileSync(join(modules, 'htmx.org/dist/htmx.min.js'), 'utf8');
writeFileSync(join(out, 'htmx.min.js'), htmx.replace(/\n?\/\/# sourceMappingURL=.*\s*$/, '\n'));

// 2. Carbon: compile, then drop token families that nothing in the result uses
let css = sass.compile(join(top, 'frontend/carbon.scss'), {
  loadPaths: [modules],
  style: 'compressed',
  quietDeps: true,
}).css.replace(/^\uFEFF/, '');
const unused = /--cds-((?:syntax|ai|chat|slug|fluid|body|heading|productive|expressive|display|quotation|code|legal|caption|helper|label|skeleton)-[\w-]+):[^;}]+;?/g;
for (let before = 0; before !== css.length; ) {
  before = css.length;
  css = css.replace(unused, (declaration, name) => (css.includes(`var(--cds-${name}`) ? declaration : ''));
}
// a gzip-friendly line a rule, so that a diff of the vendored file can be read
css = css.replace(/:root[^{},]*\{\}/g, '').replaceAll('}', '}\n');
if (/https?:/.test(css)) throw new Error('carbon.css names a remote address');
writeFileSync(join(out, 'carbon.css'), css);

// 3. IBM Plex Sans: three weights, Latin1 and Latin2 (client names such as Łódź)
const sheet = readFileSync(join(modules, '@ibm/plex-sans/css/ibm-plex-sans-all.css'), 'utf8');
const faces = [];
for (const [weight, name] of [[300, 'Light'], [400, 'Regular'], [600, 'SemiBold']]) {
  for (const subset of ['Latin1', 'Latin2']) {
    const file = `IBMPlexSans-${name}-${subset}.woff2`;
    const face = sheet.split('@font-face').find((text) => text.includes(`/${file}`));
    const range = face.match(/unicode-range:\s*([^;}]+)/)[1].trim();
    cpSync(join(modules, '@ibm/plex-sans/fonts/split/woff2', file), join(out, 'plex', file));
    faces.push(`@font-face {\n  font-family: "IBM Plex Sans";\n  font-style: normal;\n  font-weight: ${weight};\n` +
      `  font-display: swap;\n  src: url("${file}") format("woff2");\n  unicode-range: ${range};\n}\n`);
  }
}
writeFileSync(join(out, 'plex', 'plex.css'), faces.join(''));

// 4. Icons: one sprite, used by reference, so that fifty rows stay small
const names = readFileSync(join(top, 'frontend/icons.txt'), 'utf8').split(/\s+/).filter(Boolean).sort();
const symbols = names.map((name) => {
  const svg = readFileSync(join(modules, '@carbon/icons/svg/32', `${name}.svg`), 'utf8');
  const [, box, body] = svg.match(/viewBox="([^"]+)"[^>]*>(.*)<\/svg>/s);
  return `<symbol id="${name}" viewBox="${box}">${body.replace(/ data-icon-path="[^"]*"/g, '')}</symbol>`;
});
writeFileSync(join(out, 'icons.svg'),
  `<svg xmlns="http://www.w3.org/2000/svg">\n${symbols.join('\n')}\n</svg>\n`);

// 5. Versions and licences
const packages = ['htmx.org', '@carbon/styles', '@carbon/icons', '@ibm/plex-sans'];
writeFileSync(join(out, 'VERSIONS'), packages.map((name) => `${name} ${version(name)}\n`).join(''));
for (const [from, to] of [
  ['htmx.org/LICENSE', 'htmx.txt'],
  ['@carbon/styles/LICENSE', 'carbon-styles.txt'],
  ['@carbon/icons/LICENSE', 'carbon-icons.txt'],
  ['@ibm/plex-sans/LICENSE.txt', 'ibm-plex-sans.txt'],
]) cpSync(join(modules, from), join(out, 'licences', to));
console.log(`static/vendor written: carbon.css ${css.length} bytes, ${names.length} icons`);
