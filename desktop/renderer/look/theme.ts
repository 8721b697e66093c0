/** Mantine in our clothes: palette, type and touch sizes. The tokens themselves stand in tokens.css. */
import { Button, createTheme, type MantineColorsTuple, PasswordInput, TextInput } from '@mantine/core';

const pine: MantineColorsTuple = [
  '#e6f4ee',
  '#cfe8dd',
  '#a5d4c0',
  '#75bda0',
  '#45a582',
  '#1f8f6b',
  '#11795e',
  '#0a6650',
  '#085341',
  '#063f32',
];
const tall = { size: 'lg' as const };

export const theme = createTheme({
  primaryColor: 'pine',
  primaryShade: { light: 7, dark: 6 },
  colors: { pine },
  fontFamily: "'Tiki Sans', system-ui, 'Noto Sans', 'Segoe UI', sans-serif",
  fontFamilyMonospace: "ui-monospace, 'Cascadia Mono', 'DejaVu Sans Mono', monospace",
  headings: { fontFamily: "'Tiki Sans', system-ui, sans-serif", fontWeight: '700' },
  defaultRadius: 12,
  cursorType: 'pointer',
  respectReducedMotion: true,
  components: {
    Button: Button.extend({
      defaultProps: { size: 'lg' },
      // Long words (Vietnamese, Indonesian) wrap rather than vanish.
      styles: {
        root: { minHeight: 'var(--tiki-touch)', height: 'auto', paddingBlock: 8 },
        label: { whiteSpace: 'normal', lineHeight: 1.2 },
      },
    }),
    TextInput: TextInput.extend({ defaultProps: tall }),
    PasswordInput: PasswordInput.extend({ defaultProps: tall }),
  },
});
