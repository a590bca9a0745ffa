//! Rules of JavaScript and TypeScript, after ESLint.
