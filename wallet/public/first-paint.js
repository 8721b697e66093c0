// Sets colour scheme, language and direction before the first paint, so that nothing flashes or jumps.
// A file of its own because the content security policy allows no inline script.
(function () {
  try {
    var scheme = localStorage.getItem('tiki.scheme');
    if (scheme === 'light' || scheme === 'dark') document.documentElement.dataset.scheme = scheme;
    var locale = localStorage.getItem('tiki.locale');
    if (locale) {
      document.documentElement.lang = locale;
      document.documentElement.dir = locale === 'ar' ? 'rtl' : 'ltr';
    }
  } catch (_) {
    // Storage is blocked: the page follows the system and says so later, where it matters.
    document.documentElement.dataset.storage = 'blocked';
  }
})();
