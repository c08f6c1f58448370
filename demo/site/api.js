for (const button of document.querySelectorAll('[data-api]')) {
    button.onclick = async () => {
        const reply = await fetch(button.dataset.api);
        document.getElementById('reply').textContent =
            reply.status + ' ' + await reply.text();
    };
}
