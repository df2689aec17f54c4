import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App } from './app/app.js';
import { applyTheme, readTheme } from './app/theme.js';
import './styles/tokens.css';
import './styles/base.css';
import './styles/elements.css';
import './styles/lists.css';
import './styles/shell.css';

applyTheme(readTheme());
const root = document.getElementById('root');
if (root === null) throw new Error('index.html has no element "root"');
createRoot(root).render(
  <StrictMode>
    <App />
  </StrictMode>,
);
